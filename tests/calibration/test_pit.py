"""PIT values: uniform for truths that are drawn from what was predicted."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import assert_samples_follow

from tfsigmavae import decoders
from tfsigmavae.calibration import (
    NUM_BINS,
    NoPITError,
    coverage,
    pit,
    pit_histogram,
    pit_of_ensemble,
)
from tfsigmavae.decoders.pixel_distribution import PixelDistribution

tfd = tfp.distributions

CONTINUOUS = [
    name for name in decoders.names() if decoders.get(name).measure == "density"
]


def assert_uniform(values):
    """Chi-square over the 40 bins: one of 1000 right ones would fail."""
    bins = np.minimum((values * NUM_BINS).astype(int), NUM_BINS - 1)
    assert_samples_follow(bins, np.full(NUM_BINS, 1.0 / NUM_BINS))


def predicted(decoder, shape=(6, 16, 16), channels=3, seed=0):
    """p(x | z) of random parameters, with means well inside of [0, 1]."""
    params_shape = [*shape, decoder.params_size(channels)]
    raw = tf.random.stateless_normal(params_shape, [seed, 0]) * 0.3
    return decoder(decoder.activate(raw))


def narrow(name):
    """A decoder whose samples lie in [0, 1]; heavy tails leave it, so real ones."""
    options = {
        "fixed_sigma": {"sigma": 0.04},
        "shared_sigma": {"initial_sigma": 0.04},
        "per_image_sigma": {"max_log_sigma": -3.0},
        "per_pixel_sigma": {"max_log_sigma": -3.0},
        "student_t": {"values": "real"},
    }
    optimal = {"initial_sigma": 0.04} if name.startswith("optimal") else {}
    return decoders.get(name, **options.get(name, optimal))


@pytest.mark.parametrize("name", decoders.names())
def test_own_samples_of_every_decoder_have_uniform_values(name):
    distribution = predicted(narrow(name))
    samples = distribution.sample(seed=1)
    values = pit(distribution, samples, seed=2)
    assert values.shape == samples.shape
    assert values.min() > 0.0 and values.max() < 1.0
    assert_uniform(values)
    np.testing.assert_array_equal(pit(distribution, samples, seed=2), values)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_own_samples_of_fields_in_any_unit_have_uniform_values(name):
    distribution = predicted(decoders.get(name, values="real"))
    samples = 1.0 * distribution.sample(seed=1)
    assert np.max(samples) > 2.0
    assert_uniform(pit(distribution, samples))


def test_clips_and_pixels_of_8_bits_are_taken():
    decoder = decoders.get("fixed_sigma", sigma=0.1)
    means = tf.fill([2, 3, 4, 4, 1], 0.5)
    frames = np.full(means.shape, 128, np.uint8)
    # One standard normal quantile: (128 / 255 - 0.5) / 0.1.
    expected = tfd.Normal(0.0, 1.0).cdf((128.0 / 255.0 - 0.5) / 0.1)
    np.testing.assert_allclose(pit(decoder(means), frames), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["categorical", "bitwise_categorical"])
def test_grey_levels_lie_within_their_step_of_the_cumulative_probability(name):
    distribution = predicted(decoders.get(name), (1, 2, 2), channels=1)
    pixels = tf.reshape(tf.constant([0.0, 17.0, 128.0, 255.0]) / 255.0, [1, 2, 2, 1])
    levels = distribution.distribution.levels.distribution
    every = tf.range(256, dtype=levels.dtype)[:, None, None, None, None]
    every = tf.broadcast_to(every, [256, *pixels.shape])
    mass = np.stack([levels.prob(level) for level in every])
    up_to = np.cumsum(mass, 0)
    index = np.round(255 * pixels.numpy()).astype(int)[None]
    high = np.take_along_axis(up_to, index, 0)[0]
    low = high - np.take_along_axis(mass, index, 0)[0]
    for seed in range(5):
        values = pit(distribution, pixels, seed)
        # float32 sums of 256 probabilities.
        assert (values > low - 1e-6).all() and (values < high + 1e-6).all()


def test_black_and_white_pixels_have_the_two_levels_of_a_bernoulli():
    distribution = decoders.get("bernoulli")(tf.fill([1, 8, 8, 1], -1.0986123))  # 1/4
    white = pit(distribution, tf.ones([1, 8, 8, 1]))
    black = pit(distribution, tf.zeros([1, 8, 8, 1]))
    assert 0.75 < white.min() < white.max() < 1.0
    assert 0.0 < black.min() < black.max() < 0.75


def test_a_bernoulli_refuses_grey_pixels():
    distribution = decoders.get("bernoulli")(tf.zeros([1, 2, 2, 1]))
    with pytest.raises(NoPITError, match="nothing of grey pixels"):
        pit(distribution, tf.fill([1, 2, 2, 1], 0.5))


def test_a_distribution_without_a_formula_is_ranked_among_its_draws():
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(logits=tf.zeros([5000, 2])),
        tfd.Normal(tf.constant([[-2.0, 2.0]]), 1.0),
    )
    assert_uniform(pit(mixture, mixture.sample(seed=0), seed=1))


@pytest.mark.parametrize("name", ["fixed_sigma", "categorical", "bernoulli"])
def test_another_shape_is_an_error(name):
    distribution = predicted(decoders.get(name), (2, 4, 4))
    with pytest.raises(ValueError, match="batch shape plus event shape"):
        pit(distribution, tf.zeros([1, 4, 4, 3]))


def test_padded_steps_are_refused():
    frames = tf.fill([1, 2, 2, 2, 1], 0.5)
    steps = tfd.Independent(tfd.Normal(frames, 0.1), 4)
    padded = PixelDistribution(
        steps, tfd.Distribution.mean, tf.constant([[True, False]])
    )
    with pytest.raises(ValueError, match="padded steps have no calibration"):
        pit(padded, frames)


def test_ensembles_of_what_the_truth_is_drawn_from_have_uniform_values():
    rng = np.random.default_rng(0)
    for num_members in (1, 7, 39, 100):
        draws = rng.normal(size=(num_members + 1, 4000))
        assert_uniform(pit_of_ensemble(draws[1:], draws[0]))


def test_ties_are_broken_at_random():
    draws = np.random.default_rng(0).integers(100, 104, (21, 4000)).astype(np.uint8)
    # The truth in floating point: level / 255, as all readers have it.
    values = pit_of_ensemble(draws[1:], draws[0] / np.float32(255.0))
    assert_uniform(values)
    np.testing.assert_array_equal(values, pit_of_ensemble(draws[1:], draws[0]))
    assert (values != pit_of_ensemble(draws[1:], draws[0], seed=1)).mean() > 0.9


def test_ensemble_values_lie_between_the_neighbouring_members():
    ensemble = np.array([0.1, 0.2, 0.3])[:, None]
    value = pit_of_ensemble(ensemble, np.array([0.25]))[0]
    assert 2 / 4 < value < 3 / 4


@pytest.mark.parametrize(
    ("ensemble", "error", "words"),
    [
        (np.zeros([5, 3, 2]), ValueError, "one axis, the members, before"),
        (np.zeros([2]), ValueError, "one axis, the members, before"),
        (np.zeros([0, 2, 3]), ValueError, "no members"),
        (np.zeros([5, 2, 3], int), TypeError, "`ensemble` must be uint8 or floating"),
    ],
)
def test_what_is_no_ensemble_is_an_error(ensemble, error, words):
    with pytest.raises(error, match=words):
        pit_of_ensemble(ensemble, np.zeros([2, 3]))


@pytest.mark.parametrize("values", [[], [1.2], [-0.1], [np.nan]])
def test_histogram_and_coverage_take_shares_only(values):
    for function in (pit_histogram, coverage):
        with pytest.raises(ValueError, match="must be PIT values"):
            function(values)


def test_histogram_holds_the_ends_and_has_mean_one():
    histogram = pit_histogram([0.0, 1.0, 0.5, 0.5])
    assert histogram[0] == histogram[-1] == 10.0 and histogram[20] == 20.0
    assert histogram.mean() == 1.0
