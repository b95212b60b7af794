"""Cross entropy of grey values: the formula, and that it is no likelihood of them."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import Bernoulli

SHAPE = (2, 4, 5, 3)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-np.float64(logits)))


def _logits(shape=SHAPE):
    return np.random.default_rng(0).normal(0.0, 3.0, shape).astype(np.float32)


def test_score_is_the_cross_entropy_of_grey_values():
    logits, x = _logits(), np.random.default_rng(1).random(SHAPE)
    p = _sigmoid(logits)
    expected = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum((1, 2, 3))
    log_prob = Bernoulli()(tf.constant(logits)).log_prob(x)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)


def test_black_and_white_images_have_a_probability():
    p = _sigmoid(_logits([5, 1]))
    distribution = Bernoulli()(tf.constant(_logits([5, 1])))
    for pixel, expected in ((0.0, 1 - p), (1.0, p)):
        prob = distribution.prob(tf.fill([5, 1], pixel))
        np.testing.assert_allclose(prob, expected[:, 0], rtol=1e-4)


@pytest.mark.parametrize(("p", "total"), [(0.5, 128.0), (0.999, 37.3)])
def test_scores_of_the_grey_levels_are_no_probabilities(p, total):
    logit = np.log(p / (1 - p))
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1)
    distribution = Bernoulli()(tf.fill([256, 1], np.float32(logit)))
    np.testing.assert_allclose(np.exp(distribution.log_prob(levels)).sum(), total, 0.01)
    with pytest.raises(TypeError, match="no probability"):
        distribution.log_mass(levels)
    assert Bernoulli().measure is None
    assert Bernoulli().bits_per_dim(tf.zeros([2]), 60) is None


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_pull_on_the_mean_is_that_of_a_gaussian_of_sigma_p_1_minus_p(p):
    x = np.array([[0.0], [0.3], [1.0]], np.float32)
    probability = tf.fill([3, 1], p)
    with tf.GradientTape() as tape:
        tape.watch(probability)
        logits = tf.math.log(probability) - tf.math.log1p(-probability)
        nll = -Bernoulli()(logits).log_prob(x)
    expected = (p - x) / (p * (1 - p))
    np.testing.assert_allclose(tape.gradient(nll, probability), expected, rtol=1e-4)


def test_samples_are_black_or_white_and_the_mean_is_grey():
    distribution = Bernoulli()(tf.constant(_logits()))
    p = _sigmoid(_logits())
    np.testing.assert_allclose(distribution.mean(), p, rtol=1e-5)
    samples = distribution.sample(4000, seed=1).numpy()
    assert samples.dtype == np.float32 and set(np.unique(samples)) == {0.0, 1.0}
    # Four standard deviations for the worst of 120 pixels.
    np.testing.assert_allclose(samples.mean(0), p, atol=4 * 0.5 / np.sqrt(4000))
