"""Keras 3 layers: distributions and building blocks."""

from tfsigmavae.layers.batch_normalization import BatchNormalization
from tfsigmavae.layers.diagonal_normal import DiagonalNormal
from tfsigmavae.layers.distribution_layer import DistributionLayer

__all__ = ["BatchNormalization", "DiagonalNormal", "DistributionLayer"]
