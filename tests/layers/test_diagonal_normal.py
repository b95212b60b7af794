"""Diagonal Gaussian against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers import DiagonalNormal

tfd = tfp.distributions


def _parameters(shape=(3, 8), seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_halves_are_mean_and_log_variance():
    parameters = _parameters()
    distribution = DiagonalNormal(4)(parameters)
    loc, log_variance = parameters[:, :4], parameters[:, 4:]
    np.testing.assert_array_equal(distribution.mean(), loc)
    np.testing.assert_allclose(distribution.variance(), np.exp(log_variance), rtol=1e-5)
    value = _parameters((3, 4), seed=1)
    expected = -0.5 * np.sum(
        (value - loc) ** 2 / np.exp(log_variance) + log_variance + np.log(2 * np.pi),
        axis=1,
    )
    np.testing.assert_allclose(distribution.log_prob(value), expected, rtol=1e-5)


def test_kl_to_a_standard_normal_has_its_closed_form():
    parameters = _parameters()
    loc, log_variance = parameters[:, :4], parameters[:, 4:]
    prior = tfd.Independent(tfd.Normal(tf.zeros([4]), 1.0), 1)
    kl = tfd.kl_divergence(DiagonalNormal(4)(parameters), prior)
    expected = -0.5 * np.sum(1 + log_variance - loc**2 - np.exp(log_variance), axis=1)
    np.testing.assert_allclose(kl, expected, rtol=1e-5)


def test_leading_axes_are_batch_axes():
    distribution = DiagonalNormal(4)(_parameters((2, 5, 8)))
    assert distribution.batch_shape == [2, 5] and distribution.event_shape == [4]
    assert distribution.shape == [2, 5, 4]


def test_extreme_log_variances_are_clipped_to_the_range():
    parameters = tf.constant([[0.0, 0.0, -1e4, 1e4]])
    stddev = DiagonalNormal(2)(parameters).stddev()
    np.testing.assert_allclose(stddev, [[np.exp(-10.0), np.exp(5.0)]], rtol=1e-5)
    layer = DiagonalNormal(2, log_variance_range=(-2.0, 0.0))
    stddev = layer(parameters).stddev()
    np.testing.assert_allclose(stddev, [[np.exp(-1.0), 1.0]], rtol=1e-6)


def test_sample_moments():
    parameters = np.tile(np.float32([1.0, -2.0, 0.0, np.log(4.0)]), (20_000, 1))
    keras.utils.set_random_seed(0)
    sample = np.asarray(DiagonalNormal(2)(parameters))
    # Four standard errors of 20,000 draws.
    np.testing.assert_allclose(sample.mean(0), [1.0, -2.0], atol=0.06)
    np.testing.assert_allclose(sample.std(0), [1.0, 2.0], atol=0.04)


def test_half_precision_inputs_give_a_float32_distribution():
    distribution = DiagonalNormal(4)(tf.cast(_parameters(), tf.bfloat16))
    assert distribution.dtype == tf.float32
    assert distribution.stddev().dtype == tf.float32


def test_params_size_is_a_python_int_for_dense():
    assert DiagonalNormal.params_size(5) == 10
    assert keras.layers.Dense(DiagonalNormal.params_size(5)).units == 10


def test_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="must have 8 channels"):
        DiagonalNormal(4)(tf.zeros([2, 7]))


@pytest.mark.parametrize("event_size", [0, -1])
def test_event_size_must_be_positive(event_size):
    with pytest.raises(ValueError, match="`event_size` must be positive"):
        DiagonalNormal(event_size)


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2.0, -2.0), (0.0, float("nan"))])
def test_an_empty_range_is_refused(bounds):
    with pytest.raises(ValueError, match="`log_variance_range` must be"):
        DiagonalNormal(2, log_variance_range=bounds)


def test_configuration_round_trip():
    layer = DiagonalNormal(
        3, (-4.0, 1.0), convert_to_tensor_fn="mean", name="posterior"
    )
    twin = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert twin.get_config() == layer.get_config()
    parameters = _parameters((2, 6)) * 9.0
    np.testing.assert_array_equal(twin(parameters), layer(parameters))
    np.testing.assert_array_equal(twin(parameters).stddev(), layer(parameters).stddev())


def test_shapes_are_known_before_the_first_call():
    for shapes in ([(None, 5, 8)], [[None, 5, 8]]):
        assert DiagonalNormal(4).compute_output_shape(*shapes) == (None, 5, 4)
    assert DiagonalNormal(4).compute_output_shape(input_shape=(2, 8)) == (2, 4)
    layer = DiagonalNormal(4, name="posterior")
    layer.build((None, 5, 8))
    twin = DiagonalNormal(4)
    twin.build_from_config(layer.get_build_config())
    assert twin.built
    model = keras.Sequential([layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.build((None, 5, 8))
    lines = []
    model.summary(line_length=120, print_fn=lines.append)
    assert "(None, 5, 4)" in "".join(lines) and "(None, 20)" in "".join(lines)
