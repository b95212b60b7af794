"""What TensorFlow Probability lacks for Keras 3."""

from tfsigmavae.distributions.coercible import CoercibleDistribution

__all__ = ["CoercibleDistribution"]
