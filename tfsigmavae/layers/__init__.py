"""Keras 3 layers: distributions and building blocks."""

from tfsigmavae.layers.batch_normalization import BatchNormalization
from tfsigmavae.layers.dense_variational import DenseVariational
from tfsigmavae.layers.diagonal_normal import DiagonalNormal
from tfsigmavae.layers.distribution_lambda import DistributionLambda
from tfsigmavae.layers.distribution_layer import DistributionLayer
from tfsigmavae.layers.independent import (
    IndependentBernoulli,
    IndependentLogistic,
    IndependentNormal,
    IndependentPoisson,
)
from tfsigmavae.layers.kl_add_loss import KLDivergenceAddLoss
from tfsigmavae.layers.kl_divergence import KLDivergenceRegularizer
from tfsigmavae.layers.mixture import (
    MixtureLogistic,
    MixtureNormal,
    MixtureSameFamily,
)
from tfsigmavae.layers.multivariate_normal import MultivariateNormalTriL
from tfsigmavae.layers.one_hot import (
    CategoricalMixtureOfOneHotCategorical,
    OneHotCategorical,
)
from tfsigmavae.layers.variable_layer import VariableLayer

__all__ = [
    "BatchNormalization",
    "CategoricalMixtureOfOneHotCategorical",
    "DenseVariational",
    "DiagonalNormal",
    "DistributionLambda",
    "DistributionLayer",
    "IndependentBernoulli",
    "IndependentLogistic",
    "IndependentNormal",
    "IndependentPoisson",
    "KLDivergenceAddLoss",
    "KLDivergenceRegularizer",
    "MixtureLogistic",
    "MixtureNormal",
    "MixtureSameFamily",
    "MultivariateNormalTriL",
    "OneHotCategorical",
    "VariableLayer",
]


def __dir__():
    return list(__all__)
