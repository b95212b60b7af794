"""Grey levels spoken of as pixels, and densities integrated over their bins."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import LEVELS, assert_samples_follow

from tfsigmavae.distributions import CategoricalLevels, GreyLevels, log_level_mass

tfd = tfp.distributions
PIXELS = tf.constant(LEVELS / 255.0, tf.float32)


def _logits(*shape):
    return np.random.default_rng(0).normal(size=(*shape, 256)).astype(np.float32)


def _softmax(logits):
    weights = np.exp(logits.astype(np.float64))
    return weights / weights.sum(-1, keepdims=True)


def _grey_levels(logits):
    event_rank = logits.ndim - 2  # all axes but the first and that of the levels
    return GreyLevels(tfd.Independent(CategoricalLevels(logits), event_rank))


def test_each_pixel_value_has_the_probability_of_its_level():
    log_prob = _grey_levels(_logits(256)).log_prob(PIXELS)
    expected = np.log(np.diagonal(_softmax(_logits(256))))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-5)
    # The arithmetic of another library may leave a pixel beside its level.
    for rounding in (-1e-3, 1e-3):
        moved = _grey_levels(_logits(256)).log_prob(PIXELS + rounding)
        np.testing.assert_array_equal(moved, log_prob)


def test_half_a_level_beyond_the_range_is_black_or_white():
    levels = _grey_levels(_logits(2))
    np.testing.assert_array_equal(
        levels.log_prob([-0.002, 1.002]), levels.log_prob([0.0, 1.0])
    )


def test_an_image_is_the_sum_of_its_pixels():
    logits = _logits(2, 3, 4)
    levels = np.random.default_rng(1).integers(0, 256, (2, 3, 4))
    chosen = np.take_along_axis(_softmax(logits), levels[..., None], -1)[..., 0]
    distribution = _grey_levels(logits)
    assert distribution.batch_shape == (2,) and distribution.event_shape == (3, 4)
    np.testing.assert_allclose(
        distribution.log_prob((levels / 255).astype(np.float32)),
        np.log(chosen).sum((1, 2)),
        rtol=1e-5,
    )


def test_moments_are_those_of_the_level_over_255():
    p = _softmax(_logits(4))
    mean = p @ (LEVELS / 255)
    variance = (p * (LEVELS / 255 - mean[:, None]) ** 2).sum(-1)
    distribution = _grey_levels(_logits(4))
    np.testing.assert_allclose(distribution.mean(), mean, rtol=1e-5)
    np.testing.assert_allclose(distribution.variance(), variance, rtol=1e-5)
    np.testing.assert_allclose(distribution.stddev(), np.sqrt(variance), rtol=1e-5)
    np.testing.assert_allclose(distribution.mode(), p.argmax(-1) / 255, rtol=1e-6)


def test_samples_are_pixels_of_the_right_frequency():
    samples = _grey_levels(_logits(1)).sample(20000, seed=1).numpy()
    assert samples.dtype == np.float32 and samples.shape == (20000, 1)
    levels = np.round(255 * samples)
    np.testing.assert_allclose(samples, levels / 255, rtol=1e-6)
    assert_samples_follow(levels.astype(int), _softmax(_logits(1))[0])


def test_shapes_are_those_of_the_levels():
    distribution = _grey_levels(_logits(2, 3, 4))
    assert distribution.batch_shape_tensor().numpy().tolist() == [2]
    assert distribution.event_shape_tensor().numpy().tolist() == [3, 4]
    assert distribution.dtype == tf.float32
    assert isinstance(distribution.levels, tfd.Independent)
    other = distribution.copy(levels=tfd.Independent(CategoricalLevels(_logits(5)), 0))
    assert other.batch_shape == (5,)


def test_pixels_that_are_no_numbers_give_none_under_xla():
    log_prob = tf.function(_grey_levels(_logits(2)).log_prob, jit_compile=True)
    result = log_prob(tf.constant([np.nan, 0.5])).numpy()
    assert np.isnan(result[0]) and np.isfinite(result[1])


# Densities in bins.


def _mass(distribution):
    """log P of all 256 levels, for one distribution of a pixel."""
    return log_level_mass(tfd.Independent(distribution, 0), PIXELS).numpy()


def _normal_mass(loc, sigma):
    """In float64, from whichever tail is the smaller one."""

    def tail(x):
        return 0.5 * math.erfc(x / sigma / math.sqrt(2.0))

    probabilities = []
    for level in LEVELS:
        low = -math.inf if level == 0 else (level - 0.5) / 255 - loc
        high = math.inf if level == 255 else (level + 0.5) / 255 - loc
        above = low + high > 0.0 if 0 < level < 255 else level == 255
        difference = tail(low) - tail(high) if above else tail(-high) - tail(-low)
        probabilities.append(difference)
    return np.array(probabilities)


@pytest.mark.parametrize("sigma", [1.0, 0.3, 0.05, 0.0025])
@pytest.mark.parametrize("loc", [-0.3, 0.0, 0.2, 0.5, 1.0, 1.4])
def test_mass_of_a_gaussian(loc, sigma):
    expected = _normal_mass(loc, sigma)
    log_mass = _mass(tfd.Normal(loc, sigma))
    # float32 places the end of a bin to 1e-7, which is 4e-5 of the smallest sigma.
    np.testing.assert_allclose(np.exp(log_mass), expected, rtol=1e-3, atol=1e-30)
    known = expected > 1e-300  # erfc of float64 ends there, ours does not
    expected = np.log(expected[known])
    np.testing.assert_allclose(log_mass[known], expected, rtol=2e-5, atol=1e-9)
    assert np.isfinite(log_mass).all()
    total = np.exp(np.float64(log_mass)).sum()
    np.testing.assert_allclose(total, 1.0, rtol=2e-5)


def test_mass_of_a_gaussian_continues_where_float64_ends():
    # 400 sigmas away; the ratio of a bin's mass to its density at the near edge is
    # sigma / z (Mills' ratio), 1 - 1 / z**2 of it.
    sigma, edge = 0.0025, 1.0 - 1.5 / 255
    z = edge / sigma
    log_density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    expected = log_density - math.log(z) + math.log1p(-1 / z**2)
    np.testing.assert_allclose(_mass(tfd.Normal(0.0, sigma))[254], expected, rtol=1e-6)
    np.testing.assert_allclose(_mass(tfd.Normal(1.0, sigma))[1], expected, rtol=1e-6)


def _student_t_mass(df, loc, scale):
    """Gauss-Legendre integrals of the density over the inner bins, in float64."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = (LEVELS[1:-1, None] + 0.5 * nodes) / 255
    log_norm = math.lgamma((df + 1) / 2) - math.lgamma(df / 2)
    log_norm -= 0.5 * math.log(math.pi * df) + math.log(scale)
    density = np.exp(log_norm - (df + 1) / 2 * np.log1p(((x - loc) / scale) ** 2 / df))
    return np.log(density @ weights / 2 / 255)


@pytest.mark.parametrize("df", [2.1, 5.0, 11.0, 29.0, 31.0, 1000.0])
@pytest.mark.parametrize("scale", [0.7, 0.05])
@pytest.mark.parametrize("loc", [-0.1, 0.3, 1.0])
def test_mass_of_students_t(df, scale, loc):
    log_mass = _mass(tfd.StudentT(df, loc, scale))
    expected = _student_t_mass(df, loc, scale)
    likely = expected > -40.0
    # TFP's incomplete beta function in float32, and its expansion above df = 30.
    np.testing.assert_allclose(log_mass[1:-1][likely], expected[likely], atol=1e-3)
    total = np.exp(np.float64(log_mass)).sum()
    np.testing.assert_allclose(total, 1.0, rtol=2e-5)


def test_mass_below_the_smallest_float_is_density_times_width():
    log_mass = _mass(tfd.StudentT(52.0, 0.3, 0.0025))
    expected = _student_t_mass(52.0, 0.3, 0.0025)
    assert expected.min() < -190.0 and np.isfinite(log_mass).all()
    # The midpoint rule in a convex tail: a little too low, never too high.
    difference = log_mass[1:-1] - expected
    assert difference.max() < 1e-3 and difference.min() > -0.3


def test_events_are_summed_and_grey_levels_pass():
    loc = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    pixels = np.random.default_rng(1).random((2, 3, 4)).astype(np.float32)
    mass = log_level_mass(tfd.Independent(tfd.Normal(loc, 0.1), 2), pixels)
    expected = [
        sum(
            np.log(_normal_mass(mean, 0.1)[round(255 * float(pixel))])
            for mean, pixel in zip(means.ravel(), image.ravel(), strict=True)
        )
        for means, image in zip(loc, pixels, strict=True)
    ]
    np.testing.assert_allclose(mass, expected, rtol=1e-5)
    levels = _grey_levels(_logits(2, 3, 4))
    np.testing.assert_array_equal(
        log_level_mass(levels, pixels), levels.log_prob(pixels)
    )


@pytest.mark.parametrize("loc", [-0.1, 0.5, 1.1])
def test_mass_of_a_gaussian_has_a_gradient_everywhere(loc):
    parameters = tf.constant([loc, math.log(0.05)])
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        normal = tfd.Normal(tf.fill([256], parameters[0]), tf.exp(parameters[1]))
        total = tf.reduce_sum(log_level_mass(tfd.Independent(normal, 0), PIXELS))
    gradient = tape.gradient(total, parameters).numpy()

    def value(loc, log_sigma):
        expected = _normal_mass(loc, math.exp(log_sigma))
        return np.log(expected).sum()

    step, log_sigma = 1e-4, math.log(0.05)
    finite_differences = [
        (value(loc + step, log_sigma) - value(loc - step, log_sigma)) / (2 * step),
        (value(loc, log_sigma + step) - value(loc, log_sigma - step)) / (2 * step),
    ]
    # The first is a difference of large terms, hence the absolute tolerance.
    np.testing.assert_allclose(gradient, finite_differences, rtol=1e-3, atol=5.0)
