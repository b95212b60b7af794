"""One learned sigma: its gradient, its optimum, its state."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import FixedSigma, SharedSigma

SHAPE = (4, 6, 5, 3)
NUM_DIMS = 90


def _pair():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0.3, 0.7, SHAPE)
    loc = pixels + 0.07 * rng.normal(size=SHAPE)
    return tf.constant(loc, tf.float32), tf.constant(pixels, tf.float32)


def _rmse():
    loc, pixels = _pair()
    return np.sqrt(np.mean((loc.numpy() - pixels.numpy()) ** 2))


def _gradient(decoder):
    loc, pixels = _pair()
    with tf.GradientTape() as tape:
        nll = tf.reduce_mean(-decoder(loc, pixels, training=True).log_prob(pixels))
    return tape.gradient(nll, decoder.trainable_variables[0].value)


@pytest.mark.parametrize("sigma", [0.02, 0.5, 1.0])
def test_likelihood_is_that_of_a_fixed_sigma(sigma):
    loc, pixels = _pair()
    shared = SharedSigma(sigma)(loc).log_prob(pixels)
    np.testing.assert_allclose(shared, FixedSigma(sigma)(loc).log_prob(pixels), 1e-5)


@pytest.mark.parametrize("sigma", [0.03, 0.2, 1.0])
def test_gradient_of_log_sigma_has_its_closed_form(sigma):
    # d/dlambda of D lambda + SSE / 2 exp(-2 lambda)
    expected = NUM_DIMS * (1.0 - _rmse() ** 2 / sigma**2)
    np.testing.assert_allclose(_gradient(SharedSigma(sigma)), expected, rtol=1e-4)


def test_gradient_vanishes_at_the_rmse():
    # Against the D of each of its two terms.
    assert abs(_gradient(SharedSigma(_rmse()))) < 1e-4 * NUM_DIMS


@pytest.mark.parametrize("start", [0.01, 1.0])
def test_training_finds_the_rmse(start):
    decoder = SharedSigma(start)
    optimizer = keras.optimizers.Adam(0.1)
    loc, pixels = _pair()

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            nll = tf.reduce_mean(-decoder(loc).log_prob(pixels))
        variables = decoder.trainable_variables
        optimizer.apply(tape.gradient(nll, variables), variables)

    optimizer.build(decoder.trainable_variables)
    for _ in range(300):
        step()
    np.testing.assert_allclose(decoder.sigma, _rmse(), rtol=0.01)


@pytest.mark.parametrize("factor", [0.5, 1.0, 10.0])
def test_learning_rate_factor_multiplies_the_step_of_adam(factor):
    decoder = SharedSigma(0.3, learning_rate_factor=factor)
    np.testing.assert_allclose(decoder.sigma, 0.3, rtol=1e-6)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.apply([_gradient(decoder)], decoder.trainable_variables)
    # Adam's first step is its learning rate; here the error is below sigma.
    step = np.log(decoder.sigma) - np.log(0.3)
    np.testing.assert_allclose(step, -1e-3 * factor, rtol=1e-3)


def test_sigma_can_be_read_before_and_after_the_first_call():
    decoder = SharedSigma(0.25)
    np.testing.assert_allclose(decoder.sigma, 0.25, rtol=1e-6)
    decoder(tf.zeros([1, 2, 2, 1]))
    np.testing.assert_allclose(decoder.sigma, 0.25, rtol=1e-6)
    assert len(decoder.trainable_weights) == len(decoder.weights) == 1


def test_a_trained_sigma_survives_saving(tmp_path):
    inputs = keras.Input([4, 4, 1])
    model = keras.Model(inputs, SharedSigma(0.5)(inputs))
    model.layers[-1].scaled_log_sigma.assign(-3.0)
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    np.testing.assert_allclose(reloaded.sigma, np.exp(-3.0), rtol=1e-6)
    assert reloaded.initial_sigma == 0.5


def test_stays_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        decoder = SharedSigma(0.1)
        distribution = decoder(tf.zeros([1, 2, 2, 1], tf.bfloat16))
    finally:
        keras.config.set_dtype_policy(before)
    assert decoder.scaled_log_sigma.dtype == "float32"
    np.testing.assert_allclose(distribution.stddev(), np.full([1, 2, 2, 1], 0.1), 1e-6)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_initial_sigma_must_be_positive(sigma):
    with pytest.raises(ValueError, match="`initial_sigma` must be a positive number"):
        SharedSigma(sigma)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_learning_rate_factor_must_be_positive(factor):
    with pytest.raises(ValueError, match="`learning_rate_factor` must be a positive"):
        SharedSigma(learning_rate_factor=factor)
