"""Keras' own test of a layer, `TestCase.run_layer_test`, on each of our layers.

It checks configuration, `build`, symbolic and eager shapes, weights, compiled training,
a mixed precision. What does not apply to a layer of distributions is told to it:

- the dtype under mixed precision is float32, not that of the policy (it compares both
  outputs with the layer's own spec, so nothing has to be left out);
- `expected_output` compares types with `assertEqual(type(...))`: a distribution is no
  `tf.Tensor`, its values are tested elsewhere;
- training goes through `ops.sum(output)`: it needs an output that is differentiable
  or has a gradient of zero, and no weights of its own give Keras' warning;
- a KL layer takes a distribution, so it is wrapped with the layer before it;
- a layer with a KLDivergenceRegularizer names in its configuration the very object that
  layers may share, so the configuration of a twin cannot be equal: no row.
"""

import keras
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

# Not public, and the reason for this file: an outside oracle.
from keras.src.testing.test_case import TestCase

from tfsigmavae import layers as tfpl

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tests")
def unit_normal(loc):
    return tfd.Normal(loc, 1.0)


@keras.saving.register_keras_serializable(package="tests")
class NormalWithKL(tfpl.KLDivergenceAddLoss):
    """A posterior and its KL in one layer, for a test that gives plain tensors."""

    def __init__(self, distribution_b=None, **kwargs):
        if distribution_b is None:
            distribution_b = tfd.Independent(tfd.Normal(tf.zeros([2]), 1.0), 1)
        super().__init__(distribution_b, **kwargs)
        self.posterior = tfpl.IndependentNormal([2])

    def call(self, params):
        return super().call(self.posterior(params))

    def compute_output_spec(self, params):
        return self.posterior.compute_output_spec(params)

    def compute_output_shape(self, input_shape):
        return self.posterior.compute_output_shape(input_shape)


def _row(kind, arguments, input_shape, output_shape, **options):
    """A layer with its arguments, the shapes, and options of `run_layer_test`."""
    options = {"supports_masking": True, "expected_num_losses": 0, **options}
    shapes = {"input_shape": input_shape, "expected_output_shape": output_shape}
    return pytest.param(kind, arguments, {**shapes, **options}, id=kind.__name__)


ROWS = [
    _row(tfpl.IndependentNormal, {"event_shape": [3, 2]}, (4, 12), (4, 3, 2)),
    _row(tfpl.IndependentLogistic, {"event_shape": 2}, (4, 4), (4, 2)),
    _row(tfpl.IndependentBernoulli, {"event_shape": 2}, (4, 2), (4, 2)),
    _row(
        tfpl.IndependentPoisson,
        {"event_shape": 2, "convert_to_tensor_fn": "mean"},  # XLA draws no Poisson
        (4, 2),
        (4, 2),
    ),
    _row(tfpl.DiagonalNormal, {"event_size": 2}, (4, 4), (4, 2)),
    _row(tfpl.MultivariateNormalTriL, {"event_size": 3}, (4, 9), (4, 3)),
    _row(tfpl.OneHotCategorical, {"event_size": 3}, (4, 3), (4, 3)),
    _row(
        tfpl.CategoricalMixtureOfOneHotCategorical,
        {"event_size": 3, "num_components": 2},
        (4, 8),
        (4, 3),
    ),
    _row(tfpl.MixtureNormal, {"num_components": 2, "event_shape": 3}, (4, 14), (4, 3)),
    _row(
        tfpl.MixtureLogistic, {"num_components": 2, "event_shape": 3}, (4, 14), (4, 3)
    ),
    _row(
        tfpl.MixtureSameFamily,
        {"num_components": 2, "component_layer": tfpl.IndependentNormal([3])},
        (4, 14),
        (4, 3),
    ),
    _row(
        tfpl.DistributionLambda, {"make_distribution_fn": unit_normal}, (4, 3), (4, 3)
    ),
    _row(
        tfpl.VariableLayer,
        {"shape": [2, 3]},
        (4, 1),
        (2, 3),
        expected_num_trainable_weights=1,
    ),
    _row(NormalWithKL, {}, (4, 4), (4, 2), expected_num_losses=1),
]


# Of `fit`, for layers without weights, and of a distribution's sample in `ops.sum`.
@pytest.mark.filterwarnings("ignore:The model does not have any trainable")
@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
@pytest.mark.parametrize(("kind", "arguments", "options"), ROWS)
def test_keras_own_layer_test(kind, arguments, options):
    TestCase().run_layer_test(kind, arguments, **options)
