"""A hand-chosen sigma: NumPy, closed forms, and the beta-VAE it equals."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import FixedSigma


def _pair(shape=(2, 4, 5, 3), seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((2, *shape), dtype=np.float32)


@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (2, 3, 4, 4, 1), (2, 7)])
@pytest.mark.parametrize("sigma", [0.01, 0.3, 1.0])
def test_negative_log_likelihood_against_numpy(shape, sigma):
    loc, pixels = _pair(shape)
    num_dims = math.prod(shape[1:])
    error = (pixels - loc).astype(np.float64).reshape(shape[0], -1)
    expected = (
        num_dims * np.log(sigma)
        + (error**2).sum(1) / (2 * sigma**2)
        + num_dims / 2 * np.log(2 * np.pi)
    )
    distribution = FixedSigma(sigma)(tf.constant(loc))
    # float32 sums; the two large terms may cancel in part.
    np.testing.assert_allclose(-distribution.log_prob(pixels), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("shape", "nats"),
    [
        ((28, 28, 3), 2161.34),
        ((28, 28, 1), 720.45),
        ((32, 32, 3), 2822.98),
        ((64, 64, 3), 11291.92),
    ],
)
def test_a_perfect_image_at_unit_sigma_costs_a_constant(shape, nats):
    image = tf.fill([1, *shape], 0.5)
    nll = -FixedSigma()(image).log_prob(image)
    np.testing.assert_allclose(nll, [nats], rtol=1e-5)
    np.testing.assert_allclose(nll, [0.918939 * math.prod(shape)], rtol=1e-5)


@pytest.mark.parametrize(
    ("beta", "published", "excess"),
    # Of the paper's table 1, and what is left there for error and rate.
    [
        (0.001, 21.43, 6799.0),
        (0.01, -3186.0, 884.0),
        (0.1, -1223.0, 139.0),
        (1.0, 1381.0, 34.8),
        (10.0, 4056.0, 2.0),
    ],
)
def test_a_perfect_image_costs_the_floor_of_its_beta(beta, published, excess):
    image = tf.fill([1, 28, 28, 3], 0.5)
    nll = -FixedSigma.from_beta(beta)(image).log_prob(image)
    expected = 2352 * (0.5 * math.log(beta / 2) + 0.918939)
    np.testing.assert_allclose(nll, [expected], rtol=1e-5)
    np.testing.assert_allclose(published - nll, [excess], rtol=0.02, atol=0.5)


def _reconstruction(convention, error):
    """The beta-VAE's own reconstruction term, mean over the batch."""
    square = tf.reshape(tf.square(error), [error.shape[0], -1])
    return {
        "sum": tf.reduce_mean(tf.reduce_sum(square, 1)),
        "half_sum": 0.5 * tf.reduce_mean(tf.reduce_sum(square, 1)),
        "mean": tf.reduce_mean(square),
    }[convention]


@pytest.mark.parametrize("convention", ["sum", "half_sum", "mean"])
@pytest.mark.parametrize("beta", [1e-4, 0.5, 4.0])
def test_from_beta_pulls_as_the_beta_vae_does(convention, beta):
    loc, pixels = map(tf.constant, _pair())
    num_dims = 60 if convention == "mean" else None
    decoder = FixedSigma.from_beta(beta, convention, num_dims)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(loc)
        nll = tf.reduce_mean(-decoder(loc).log_prob(pixels))
        reconstruction = _reconstruction(convention, pixels - loc)
    # loss = nll + 1 * KL pulls the mean as reconstruction / beta + KL does.
    np.testing.assert_allclose(
        tape.gradient(nll, loc),
        tape.gradient(reconstruction, loc) / beta,
        rtol=1e-3,
        atol=1e-5 / beta,
    )


def test_published_settings_give_their_known_sigma():
    # SVG-LP on 64 x 64 RGB frames, weight 1e-4 on the mean error: sigma**2 = 0.61.
    svg = FixedSigma.from_beta(1e-4, "mean", num_dims=12288)
    np.testing.assert_allclose(svg.sigma**2, 0.6144, rtol=1e-6)
    # An effective beta of 0.006 in the convention of the paper is a sigma of 0.055.
    np.testing.assert_allclose(FixedSigma.from_beta(0.006).sigma, 0.0548, atol=1e-4)
    assert FixedSigma.from_beta(0.25, "half_sum").sigma == 0.5


def test_from_beta_passes_other_arguments_on():
    assert FixedSigma.from_beta(2.0, name="baseline").name == "baseline"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"beta": 0.0}, "`beta` must be positive"),
        ({"beta": -1.0}, "`beta` must be positive"),
        ({"beta": float("nan")}, "`beta` must be positive"),
        ({"beta": 1.0, "convention": "total"}, "Unknown `convention`"),
        ({"beta": 1.0, "convention": "mean"}, "`num_dims` goes with"),
        ({"beta": 1.0, "num_dims": 12}, "`num_dims` goes with"),
    ],
)
def test_from_beta_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        FixedSigma.from_beta(**arguments)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_sigma_must_be_positive(sigma):
    with pytest.raises(ValueError, match="`sigma` must be a positive number"):
        FixedSigma(sigma)


def test_target_and_training_change_nothing():
    loc, pixels = _pair()
    decoder = FixedSigma(0.2)
    fitted = decoder(tf.constant(loc), target=pixels, training=True)
    np.testing.assert_array_equal(
        fitted.log_prob(pixels), decoder(tf.constant(loc)).log_prob(pixels)
    )
    assert decoder.sigma == 0.2 and decoder.weights == []
