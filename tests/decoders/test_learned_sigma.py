"""Sigmas that the generator puts out: bounds, closed-form gradients, beta-NLL."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import PerImageSigma, PerPixelSigma

SHAPE = (3, 4, 5, 2)
EACH = (PerImageSigma, PerPixelSigma)
each_class = pytest.mark.parametrize("kind", EACH)


def _soft_clip(values, low=-6.0, high=1.0):
    values = high - np.logaddexp(0.0, high - np.float64(values))
    return low + np.logaddexp(0.0, values - low)


def _slope(raw, low=-6.0, high=1.0):
    """Derivative of the soft clip: a product of two sigmoids."""
    inner = high - np.logaddexp(0.0, high - raw)
    return 1 / (1 + np.exp(raw - high)) / (1 + np.exp(low - inner))


def _params(kind, shape=SHAPE, seed=0):
    """Raw means, raw log sigmas, and both as the decoder takes them."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=shape)
    sigmas = shape if kind is PerPixelSigma else (*shape[:-1], 1)
    log_sigma = rng.normal(-1.5, 1.0, sigmas)
    return means, log_sigma, tf.constant(np.concatenate([means, log_sigma], -1))


def _expected_sigma(kind, log_sigma):
    if kind is PerImageSigma:
        axes = tuple(range(1, log_sigma.ndim))
        log_sigma = log_sigma.mean(axes, keepdims=True)
    return np.exp(_soft_clip(log_sigma))


@each_class
@pytest.mark.parametrize("shape", [SHAPE, (2, 3, 4, 4, 1), (4, 6)])
def test_likelihood_is_that_of_a_gaussian_of_the_clipped_sigma(kind, shape):
    means, log_sigma, raw = _params(kind, shape)
    pixels = np.random.default_rng(1).random(shape)
    sigma = np.broadcast_to(_expected_sigma(kind, log_sigma), shape)
    loc = 1 / (1 + np.exp(-means))
    nll = 0.5 * ((pixels - loc) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2 * np.pi)
    decoder = kind()
    distribution = decoder(decoder.activate(raw))
    np.testing.assert_allclose(distribution.mean(), loc, rtol=1e-5)
    np.testing.assert_allclose(distribution.stddev(), sigma, rtol=1e-5)
    log_prob = distribution.log_prob(pixels)
    np.testing.assert_allclose(-log_prob, nll.reshape(shape[0], -1).sum(1), rtol=1e-4)


def test_each_event_has_a_sigma_of_its_own():
    clips = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 4, 4, 2)))
    for event_rank, groups in ((None, 2), (4, 2), (3, 2 * 3), (1, 2 * 3 * 16)):
        stddev = PerImageSigma(event_rank=event_rank)(clips).stddev().numpy()
        rows = stddev.reshape(groups, -1)
        assert np.all(rows == rows[:, :1]) and len(np.unique(rows[:, 0])) == groups


@each_class
def test_wild_outputs_stay_within_the_bounds(kind):
    for raw, low, high in ((-50.0, 1.0, 1.001), (50.0, 0.999, 1.001)):
        bound = np.exp(-6.0 if raw < 0 else 1.0)
        params = tf.fill([1, 4, 4, kind().params_size(2)], raw)
        stddev = kind()(params).stddev()
        assert np.all(stddev >= low * bound) and np.all(stddev <= high * bound)
    narrow = kind(min_log_sigma=-2.0, max_log_sigma=-1.0)(params).stddev()
    # The lower bound's bias shifts the upper one.
    np.testing.assert_allclose(narrow, np.exp(_soft_clip(50.0, -2.0, -1.0)), rtol=1e-5)


def _gradients(decoder, raw, target, training_objective):
    params = tf.cast(raw, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(params)
        likelihood = decoder(params)
        loss = -likelihood.log_prob(target)
        if training_objective:
            loss = decoder.objective(loss, likelihood, target)
    channels = target.shape[-1]
    gradient = tape.gradient(loss, params).numpy()
    return gradient[..., :channels], gradient[..., channels:]


@each_class
@pytest.mark.parametrize("beta_nll", [0.0, 0.5, 1.0])
def test_beta_nll_has_its_closed_form_gradient(kind, beta_nll):
    # Real values: the means are the raw outputs themselves.
    loc, log_sigma, raw = _params(kind)
    target = np.float32(loc + 0.3 * np.random.default_rng(2).normal(size=SHAPE))
    decoder = kind(beta_nll=beta_nll, values="real")
    to_loc, to_log_sigma = _gradients(decoder, raw, target, training_objective=True)
    sigma = np.broadcast_to(_expected_sigma(kind, log_sigma), SHAPE)
    weights = sigma ** (2 * beta_nll)
    expected = weights * (loc - target) / sigma**2
    np.testing.assert_allclose(to_loc, expected, rtol=1e-3, atol=1e-4)
    if beta_nll == 1.0:  # as half the squared error would
        np.testing.assert_allclose(to_loc, loc - target, rtol=1e-3, atol=1e-4)
    # d/dlambda of the unweighted terms, each times its weight.
    expected = weights * (1.0 - ((target - loc) / sigma) ** 2)
    if kind is PerImageSigma:
        mean = log_sigma.mean((1, 2, 3), keepdims=True)
        share = expected.sum((1, 2, 3), keepdims=True) / log_sigma[0].size
        expected = np.broadcast_to(share * _slope(mean), log_sigma.shape)
    else:
        expected = expected * _slope(log_sigma)
    np.testing.assert_allclose(to_log_sigma, expected, rtol=2e-3, atol=2e-3)


@each_class
def test_without_beta_nll_the_objective_is_the_likelihood_itself(kind):
    decoder = kind()
    likelihood = decoder(tf.zeros([2, 4, 4, decoder.params_size(1)]))
    nll = tf.zeros([2])
    assert decoder.objective(nll, likelihood, tf.zeros([2, 4, 4, 1])) is nll


def test_the_objective_takes_eight_bit_targets_and_batches_of_clips():
    decoder = PerPixelSigma(beta_nll=0.5, event_rank=3)
    params = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 4, 4, 2)))
    levels = np.random.default_rng(1).integers(0, 256, (2, 3, 4, 4, 1), np.uint8)
    likelihood = decoder(params)
    objectives = [
        decoder.objective(-likelihood.log_prob(target), likelihood, target)
        for target in (levels, np.float32(levels / 255))
    ]
    assert objectives[0].shape == (2, 3)
    np.testing.assert_allclose(*objectives, rtol=1e-5)


def test_the_best_sigma_of_an_image_is_its_rmse():
    # Raw value whose soft clip is the log of the RMSE: there the gradient vanishes.
    rng = np.random.default_rng(0)
    error = np.array([0.05, 0.2]).reshape(2, 1, 1, 1) * rng.normal(size=(2, 6, 6, 3))
    rmse = np.sqrt((error**2).mean((1, 2, 3)))
    raw_sigma = np.log(np.expm1(np.log(rmse) + 6.0)) - 6.0
    raw_sigma = 1.0 - np.log(np.expm1(1.0 - raw_sigma))
    channel = np.broadcast_to(raw_sigma.reshape(2, 1, 1, 1), (2, 6, 6, 1))
    raw = np.concatenate([np.zeros_like(error), channel], -1)
    decoder = PerImageSigma(values="real")
    np.testing.assert_allclose(
        decoder(tf.constant(raw)).stddev()[:, 0, 0, 0], rmse, rtol=1e-5
    )
    _, to_log_sigma = _gradients(decoder, raw, np.float32(error), False)
    # Of two terms of 108 each, shared out among 36 pixels.
    np.testing.assert_allclose(to_log_sigma, 0.0, atol=1e-4)
    nll = -decoder(tf.constant(raw)).log_prob(np.float32(error))
    expected = 108 / 2 * (np.log(2 * np.pi * rmse**2) + 1.0)
    np.testing.assert_allclose(nll, expected, rtol=1e-5)


@each_class
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_log_sigma": 1.0}, "`min_log_sigma` must be below"),
        ({"min_log_sigma": -np.inf}, "both finite"),
        ({"max_log_sigma": np.nan}, "both finite"),
        ({"beta_nll": -0.1}, r"`beta_nll` must be in \[0, 1\]"),
        ({"beta_nll": 1.1}, r"`beta_nll` must be in \[0, 1\]"),
    ],
)
def test_arguments_out_of_range_are_refused(kind, arguments, words):
    with pytest.raises(ValueError, match=words):
        kind(**arguments)
