"""What every layer that returns a distribution shares."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers import DistributionLayer

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tests")
class UnitGamma(DistributionLayer):
    """Its mean, mode, standard deviation and variance all differ."""

    def call(self, concentration):
        return self.coercible(tfd.Gamma(concentration, 0.5))


@keras.saving.register_keras_serializable(package="tests")
def twice_the_mean(distribution):
    return 2.0 * distribution.mean()


@pytest.mark.parametrize(
    ("convert", "expected"),
    [
        ("mean", 6.0),
        ("mode", 4.0),
        ("variance", 12.0),
        ("stddev", 12.0**0.5),
        (tfd.Distribution.mean, 6.0),
        (tfd.Distribution.stddev, 12.0**0.5),
        (twice_the_mean, 12.0),
        (lambda distribution: distribution.concentration, 3.0),
    ],
)
def test_conversion(convert, expected):
    output = UnitGamma(convert_to_tensor_fn=convert)(tf.constant([3.0]))
    assert isinstance(output, CoercibleDistribution)
    np.testing.assert_allclose(output, [expected], rtol=1e-6)


def test_a_sample_is_the_default():
    layer = UnitGamma()
    first, second = layer(tf.fill([50], 3.0)), layer(tf.fill([50], 3.0))
    assert layer.convert_to_tensor_fn == "sample"
    assert np.all(first > 0.0) and np.any(tf.not_equal(first, second))


@pytest.mark.parametrize("convert", ["median", "log_prob", None, 3])
def test_unknown_conversions_are_refused(convert):
    with pytest.raises(ValueError, match="`convert_to_tensor_fn` must be one of"):
        UnitGamma(convert_to_tensor_fn=convert)


@pytest.mark.parametrize("convert", ["mode", tfd.Distribution.variance, twice_the_mean])
def test_configuration_round_trip(convert):
    layer = UnitGamma(convert_to_tensor_fn=convert)
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    np.testing.assert_array_equal(twin(tf.constant([3.0])), layer(tf.constant([3.0])))


POLICIES = {
    "float16": tf.float32,
    "bfloat16": tf.float32,
    "mixed_float16": tf.float32,
    "mixed_bfloat16": tf.float32,
    "float32": tf.float32,
    "float64": tf.float64,
}


@pytest.mark.parametrize(("dtype", "expected"), POLICIES.items())
@pytest.mark.parametrize("globally", [False, True])
def test_precision_is_at_least_float32(dtype, expected, globally):
    before = keras.config.dtype_policy()
    if globally:
        keras.config.set_dtype_policy(dtype)
    try:
        layer = UnitGamma("mean", **({} if globally else {"dtype": dtype}))
        output = layer(tf.constant([3.0], tf.float16))
    finally:
        keras.config.set_dtype_policy(before)
    assert layer.compute_dtype == layer.variable_dtype == expected.name
    assert output.dtype == output.log_prob([1.0]).dtype == expected


def test_a_dtype_from_a_saved_configuration_is_accepted():
    config = UnitGamma().get_config()
    assert UnitGamma.from_config(config).get_config() == config


def test_next_layer_takes_the_tensor_under_mixed_precision():
    dense = keras.layers.Dense(2, dtype="mixed_bfloat16")
    assert dense(UnitGamma("mean")(tf.ones([1, 3]))).dtype == tf.bfloat16
