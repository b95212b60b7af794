"""Independent binary digits: enumeration of all 256 levels with NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from grey_levels import LEVELS, assert_samples_follow

from tfsigmavae.distributions import BitwiseCategorical

LOGITS = np.random.default_rng(0).normal(scale=2.0, size=(5, 8)).astype(np.float32)
# NumPy's binary digits, the most significant one first.
DIGITS = np.unpackbits(LEVELS.astype(np.uint8)[:, None], axis=1)


def _probabilities(logits):
    """`[..., 256]` in float64."""
    p = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))[..., None, :]
    return np.prod(np.where(DIGITS == 1, p, 1.0 - p), -1)


def _log_probs(logits):
    """`[256, ...]`, one row a level."""
    levels = LEVELS.astype(np.float32).reshape(256, *[1] * (logits.ndim - 1))
    levels = np.broadcast_to(levels, (256, *logits.shape[:-1]))
    return BitwiseCategorical(logits).log_prob(levels)


def test_probabilities_are_products_of_those_of_the_digits():
    expected = _probabilities(LOGITS)
    np.testing.assert_allclose(expected.sum(-1), 1.0, rtol=1e-12)
    # float32 sums of eight logarithms.
    np.testing.assert_allclose(_log_probs(LOGITS), np.log(expected).T, rtol=1e-5)
    np.testing.assert_allclose(np.exp(_log_probs(LOGITS)).sum(0), 1.0, rtol=1e-5)


def test_cumulative_probabilities_are_sums_of_those_of_the_levels():
    distribution = BitwiseCategorical(LOGITS)
    levels = np.broadcast_to(LEVELS.astype(np.float32)[:, None], (256, 5))
    expected = np.cumsum(_probabilities(LOGITS), -1).T
    # float32 products of eight probabilities.
    np.testing.assert_allclose(distribution.cdf(levels), expected, atol=1e-6)
    np.testing.assert_allclose(distribution.cdf(levels + 0.5), expected, atol=1e-6)
    np.testing.assert_array_equal(distribution.cdf(-1.0), np.zeros(5))
    np.testing.assert_array_equal(distribution.cdf(256.0), np.ones(5))


def test_moments_and_mode_are_those_of_the_enumeration():
    p = _probabilities(LOGITS)
    mean = p @ LEVELS
    variance = (p * (LEVELS - mean[:, None]) ** 2).sum(-1)
    distribution = BitwiseCategorical(LOGITS)
    np.testing.assert_allclose(distribution.mean(), mean, rtol=1e-5)
    np.testing.assert_allclose(distribution.variance(), variance, rtol=1e-5)
    np.testing.assert_allclose(distribution.stddev(), np.sqrt(variance), rtol=1e-5)
    np.testing.assert_array_equal(distribution.mode(), p.argmax(-1))


def test_samples_follow_the_probabilities():
    samples = BitwiseCategorical(LOGITS[0]).sample(20000, seed=1).numpy()
    np.testing.assert_array_equal(samples, np.round(samples))
    assert_samples_follow(samples.astype(int), _probabilities(LOGITS[0]))


def test_certain_digits_spell_the_level():
    logits = np.where(DIGITS == 1, 50.0, -50.0).astype(np.float32)
    distribution = BitwiseCategorical(logits)
    for levels in (distribution.mean(), distribution.mode(), distribution.sample()):
        np.testing.assert_allclose(levels, LEVELS, atol=1e-6)
    log_prob = distribution.log_prob(LEVELS.astype(np.float32))
    np.testing.assert_allclose(log_prob, 0.0, atol=1e-6)
    # All eight digits wrong, at 50 nats each: no log of zero.
    opposite = distribution.log_prob((255 - LEVELS).astype(np.float32))
    np.testing.assert_allclose(opposite, -400.0, rtol=1e-6)


def test_any_number_of_digits_and_any_shape():
    logits = tf.constant(np.random.default_rng(1).normal(size=(2, 3, 4)), tf.float32)
    distribution = BitwiseCategorical(logits)
    assert distribution.batch_shape == (2, 3) and distribution.event_shape == ()
    assert distribution.sample([5, 6], seed=1).shape == (5, 6, 2, 3)
    assert distribution.log_prob(distribution.sample(5, seed=1)).shape == (5, 2, 3)
    total = sum(distribution.prob(np.float32(level)) for level in range(16))
    np.testing.assert_allclose(total, np.ones([2, 3]), rtol=1e-5)
    assert distribution.copy(logits=logits[0]).batch_shape == (3,)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_reads_the_same_digits(jit_compile):
    # Optimised graphs divide by a constant through a reciprocal that is not exact.
    logits = tf.random.stateless_normal([256, 8], [1, 2])
    levels = tf.range(256.0)
    graph = tf.function(
        lambda levels: BitwiseCategorical(logits).log_prob(levels),
        jit_compile=jit_compile,
    )
    expected = BitwiseCategorical(logits).log_prob(levels)
    np.testing.assert_allclose(graph(levels), expected, rtol=1e-5)
