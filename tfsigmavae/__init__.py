"""Calibrated VAEs and stochastic video prediction in Keras 3."""

from tfsigmavae.version import __version__

__all__ = ["__version__"]
