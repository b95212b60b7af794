"""What TensorFlow Probability lacks for Keras 3 and for 8-bit images."""

from tfsigmavae.distributions.bitwise_categorical import BitwiseCategorical
from tfsigmavae.distributions.categorical_levels import CategoricalLevels
from tfsigmavae.distributions.coercible import CoercibleDistribution
from tfsigmavae.distributions.discretized_logistic_mixture import (
    DiscretizedLogisticMixture,
)
from tfsigmavae.distributions.grey_levels import GreyLevels, log_level_mass

__all__ = [
    "BitwiseCategorical",
    "CategoricalLevels",
    "CoercibleDistribution",
    "DiscretizedLogisticMixture",
    "GreyLevels",
    "log_level_mass",
]


def __dir__():
    return list(__all__)
