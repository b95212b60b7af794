"""Student's t: the formula in float64, its integral, its Gaussian limit."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import assert_samples_follow

from tfsigmavae.decoders import StudentT

tfd = tfp.distributions
SHAPE = (2, 4, 5, 3)


def _softplus(raw):
    return np.logaddexp(0.0, np.float64(raw))


def _raw(shape=SHAPE):
    rng = np.random.default_rng(0)
    return [rng.normal(center, 1.5, shape) for center in (0.0, -2.0, 1.0)]


def _decode(decoder, means, scales, dfs):
    raw = tf.constant(np.concatenate([means, scales, dfs], -1), tf.float32)
    return decoder(decoder.activate(raw))


def _log_density(x, loc, scale, df):
    lgamma = np.vectorize(math.lgamma)
    return (
        lgamma((df + 1) / 2)
        - lgamma(df / 2)
        - 0.5 * np.log(np.pi * df)
        - np.log(scale)
        - (df + 1) / 2 * np.log1p(((x - loc) / scale) ** 2 / df)
    )


def test_likelihood_is_that_of_the_formula():
    means, scales, dfs = _raw()
    pixels = np.random.default_rng(1).random(SHAPE)
    loc = 1 / (1 + np.exp(-means))
    scale, df = 0.0025 + _softplus(scales), 2.1 + _softplus(dfs)
    expected = _log_density(pixels, loc, scale, df)
    distribution = _decode(StudentT(), means, scales, dfs)
    log_prob = distribution.log_prob(pixels)
    np.testing.assert_allclose(log_prob, expected.sum((1, 2, 3)), rtol=1e-4)
    theirs = tfd.Independent(tfd.StudentT(df, loc, scale), 3).log_prob(pixels)
    np.testing.assert_allclose(log_prob, theirs, rtol=1e-4)


def test_bounds_are_arguments():
    means, scales, dfs = _raw()
    base = _decode(StudentT(min_scale=0.3, min_df=7.0), means, scales, dfs)
    base = base.distribution.distribution
    np.testing.assert_allclose(base.scale, 0.3 + _softplus(scales), rtol=1e-5)
    np.testing.assert_allclose(base.df, 7.0 + _softplus(dfs), rtol=1e-5)


def test_mean_and_standard_deviation_exist_for_any_output():
    for raw in (-50.0, 0.0, 50.0):
        distribution = _decode(StudentT(), *[np.full([1, 2, 2, 1], raw)] * 3)
        df, scale = 2.1 + _softplus(raw), 0.0025 + _softplus(raw)
        expected = scale * math.sqrt(df / (df - 2.0))
        np.testing.assert_allclose(distribution.stddev(), expected, rtol=1e-5)
        mean = 1 / (1 + math.exp(-raw))
        np.testing.assert_allclose(distribution.mean(), mean, rtol=1e-5, atol=1e-20)


def test_without_a_variance_the_mean_is_still_the_location():
    distribution = _decode(StudentT(min_df=1.01), *[np.full([1, 2, 2, 1], -50.0)] * 3)
    assert np.isfinite(distribution.mean()).all()
    assert np.isinf(distribution.stddev()).all()


@pytest.mark.parametrize("dfs", [-50.0, 0.0, 20.0])
def test_density_integrates_to_one(dfs):
    decoder = StudentT(values="real", event_rank=1)
    # x = sinh(u) reaches the far ends of the tail with few points.
    u = np.linspace(-25.0, 25.0, 20001)
    params = tf.tile([[0.3, -3.0, dfs]], [u.size, 1])
    density = decoder(params).prob(np.float32(np.sinh(u)[:, None]))
    total = np.sum(np.float64(density) * np.cosh(u)) * (u[1] - u[0])
    np.testing.assert_allclose(total, 1.0, rtol=1e-4)


def test_many_degrees_of_freedom_are_a_gaussian():
    means, scales, dfs = _raw()
    distribution = _decode(StudentT(min_df=1e6), means, scales, dfs)
    normal = tfd.Normal(1 / (1 + np.exp(-means)), 0.0025 + _softplus(scales))
    # Away from it by about z**4 / (4 * df).
    pixels = np.clip(normal.sample(seed=1), 0.0, 1.0)
    expected = normal.log_prob(pixels).numpy().sum((1, 2, 3))
    np.testing.assert_allclose(distribution.log_prob(pixels), expected, rtol=1e-3)


def test_samples_follow_the_density():
    scale, df = 0.0025 + _softplus(-1.0), 2.1 + _softplus(0.5)
    raw = [np.full([1, 1], value) for value in (0.2, -1.0, 0.5)]
    samples = _decode(StudentT(values="real"), *raw).sample(20000, seed=1)
    edges = np.linspace(-2.0, 2.4, 45)
    cells = np.digitize(samples, edges)
    # The density over fine steps, and what is left for the two tails.
    fine = np.linspace(-2.0, 2.4, 44 * 50 + 1)
    density = np.exp(_log_density(fine, 0.2, scale, df))
    steps = (density[1:] + density[:-1]) / 2 * (fine[1] - fine[0])
    inner = steps.reshape(44, 50).sum(1)
    below = np.linspace(-4000.0, -2.0, 4_000_001)
    lower = np.exp(_log_density(below, 0.2, scale, df)).sum() * (below[1] - below[0])
    upper = 1.0 - inner.sum() - lower
    assert_samples_follow(cells, [lower, *inner, upper])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_scale": 0.0}, "`min_scale` must be positive"),
        ({"min_scale": np.nan}, "`min_scale` must be positive"),
        ({"min_df": 1.0}, "`min_df` must be above 1"),
        ({"min_df": np.inf}, "`min_df` must be above 1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        StudentT(**arguments)
