"""A categorical distribution of numbers, against TFP's own."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import LEVELS, assert_samples_follow

from tfsigmavae.distributions import CategoricalLevels

tfd = tfp.distributions


def _logits(shape=(6, 256), scale=2.0):
    return tf.constant(np.random.default_rng(0).normal(0, scale, shape), tf.float32)


def _levels(shape, num_levels=256):
    return tf.constant(np.random.default_rng(1).integers(0, num_levels, shape))


def _log_prob_and_gradient(kind, logits, levels):
    weights = tf.linspace(1.0, 2.0, tf.size(levels))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        log_prob = kind(logits).log_prob(levels)
        weighted = tf.cast(weights, logits.dtype) * tf.reshape(log_prob, [-1])
        total = tf.reduce_sum(weighted)
    return log_prob, tape.gradient(total, logits)


# Logits of one softmax from a millionth apart to far beyond float32's exp.
@pytest.mark.parametrize("scale", [1e-6, 2.0, 50.0, 1e4])
@pytest.mark.parametrize("shape", [(6, 256), (2, 1, 3, 2, 2, 7)])
def test_likelihood_and_its_gradient_are_those_of_tfp(scale, shape):
    logits, levels = _logits(shape, scale), _levels(shape[:-1], shape[-1])
    ours = _log_prob_and_gradient(CategoricalLevels, logits, levels)
    in_double = tf.cast(logits, tf.float64)
    theirs = _log_prob_and_gradient(tfd.Categorical, in_double, levels)
    # float32 rounding of logits up to 4e4, and of probabilities.
    np.testing.assert_allclose(ours[0], theirs[0], rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 256), (2, 1, 3, 2, 2, 7)])
def test_cumulative_probabilities_are_sums_of_those_of_the_levels(shape):
    logits, levels = _logits(shape), _levels(shape[:-1], shape[-1])
    p = tf.nn.softmax(tf.reshape(tf.cast(logits, tf.float64), [-1, shape[-1]]))
    index = np.reshape(levels, [-1, 1])
    expected = np.take_along_axis(np.cumsum(p, -1), index, 1)[:, 0]
    cdf = CategoricalLevels(logits).cdf(levels)
    # float32 sums of up to 256 probabilities.
    np.testing.assert_allclose(np.ravel(cdf), expected, atol=2e-6)
    below = CategoricalLevels(logits).cdf(tf.fill(levels.shape, -1))
    np.testing.assert_array_equal(below, np.zeros(levels.shape))


def test_cumulative_probabilities_of_one_level_broadcast():
    cdf = CategoricalLevels(_logits()).cdf(3)
    expected = CategoricalLevels(_logits()).cdf(tf.fill([6], 3))
    np.testing.assert_allclose(cdf, expected, rtol=1e-6)


def test_moments_are_those_of_the_enumeration():
    p = tf.nn.softmax(tf.cast(_logits(), tf.float64)).numpy()
    mean = p @ LEVELS
    variance = (p * (LEVELS - mean[:, None]) ** 2).sum(-1)
    distribution = CategoricalLevels(_logits())
    np.testing.assert_allclose(distribution.mean(), mean, rtol=1e-5)
    np.testing.assert_allclose(distribution.variance(), variance, rtol=1e-5)
    np.testing.assert_array_equal(distribution.mode(), p.argmax(-1))


def test_moments_of_logits_of_many_axes():
    logits = _logits((2, 1, 3, 2, 2, 2, 5))
    flat = CategoricalLevels(tf.reshape(logits, [-1, 5]))
    deep = CategoricalLevels(logits)
    np.testing.assert_array_equal(tf.reshape(deep.mean(), [-1]), flat.mean())
    np.testing.assert_array_equal(tf.reshape(deep.variance(), [-1]), flat.variance())


def test_samples_follow_the_probabilities():
    samples = CategoricalLevels(_logits()[0]).sample(20000, seed=1).numpy()
    assert_samples_follow(samples, tf.nn.softmax(_logits()[0]))


def test_a_free_batch_size_in_a_graph():
    step = tf.function(
        lambda logits, levels: CategoricalLevels(logits).log_prob(levels),
        input_signature=[
            tf.TensorSpec([None, 3, 256]),
            tf.TensorSpec([None, 3], tf.int64),
        ],
    )
    logits, levels = _logits((4, 3, 256)), _levels((4, 3))
    expected = tfd.Categorical(logits).log_prob(levels)
    np.testing.assert_allclose(step(logits, levels), expected, rtol=1e-5)


def test_samples_are_scored_in_their_shape():
    distribution = CategoricalLevels(_logits())
    samples = distribution.sample(3, seed=1)
    expected = tfd.Categorical(_logits()).log_prob(samples)
    np.testing.assert_allclose(distribution.log_prob(samples), expected, rtol=1e-5)
