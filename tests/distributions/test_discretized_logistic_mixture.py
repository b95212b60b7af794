"""Discretised logistic mixtures: TFP, NumPy in float64, chains of sums to one."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from grey_levels import LEVELS, assert_samples_follow

from tfsigmavae.distributions import DiscretizedLogisticMixture

tfd = tfp.distributions
NUM_MIXTURES = 3


def _parameters(channels, batch=(), seed=0, scales=(0.01, 0.3)):
    """Means in and a little beyond [-1, 1]; some scales of about a level's width."""
    rng = np.random.default_rng(seed)
    pairs = channels * (channels - 1) // 2
    parameters = {
        "logits": rng.normal(size=(*batch, NUM_MIXTURES)),
        "loc": rng.uniform(-1.1, 1.1, (*batch, channels, NUM_MIXTURES)),
        "scale": rng.uniform(*scales, (*batch, channels, NUM_MIXTURES)),
        "coefficients": rng.uniform(-0.9, 0.9, (*batch, pairs, NUM_MIXTURES)),
    }
    return {name: value.astype(np.float32) for name, value in parameters.items()}


def _first(parameters, channels):
    """The mixture of the first channels alone."""
    return {
        "logits": parameters["logits"],
        "loc": parameters["loc"][..., :channels, :],
        "scale": parameters["scale"][..., :channels, :],
        "coefficients": parameters["coefficients"][
            ..., : channels * (channels - 1) // 2, :
        ],
    }


def _mass(levels, parameters):
    """log P of one pixel by the formula, in float64: a plain loop over everything."""
    sigmoid = lambda x: 1.0 / (1.0 + np.exp(-np.float64(x)))  # noqa: E731
    x = levels / 127.5 - 1.0
    weights = np.exp(np.float64(parameters["logits"]))
    weights /= weights.sum()
    total = 0.0
    for k in range(weights.size):
        mass, pair = 1.0, 0
        for c in range(len(levels)):
            mean = np.float64(parameters["loc"][c, k])
            for j in range(c):
                mean += parameters["coefficients"][pair, k] * x[j]
                pair += 1
            scale = np.float64(parameters["scale"][c, k])
            upper = (
                1.0 if levels[c] == 255 else sigmoid((x[c] + 1 / 255 - mean) / scale)
            )
            lower = 0.0 if levels[c] == 0 else sigmoid((x[c] - 1 / 255 - mean) / scale)
            mass *= upper - lower
        total += weights[k] * mass
    return np.log(total)


def _pmf(parameters, channels):
    """Probabilities of all levels of the one or two channels."""
    axes = np.meshgrid(*[LEVELS] * channels, indexing="ij")
    levels = np.stack(axes, -1).astype(np.float32)
    return np.exp(DiscretizedLogisticMixture(**parameters).log_prob(levels))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_likelihood_is_that_of_the_formula(channels):
    rng = np.random.default_rng(1)
    for seed in range(4):
        parameters = _parameters(channels, seed=seed, scales=(0.05, 0.5))
        levels = rng.integers(0, 256, channels)
        levels[rng.integers(channels)] = rng.choice([0, 255])
        mixture = DiscretizedLogisticMixture(**parameters)
        log_prob = mixture.log_prob(levels.astype(np.float32))
        # The oracle's float64 differences keep ten digits here.
        np.testing.assert_allclose(log_prob, _mass(levels, parameters), rtol=1e-5)


def test_one_channel_is_the_quantised_mixture_of_tfp():
    parameters = _parameters(1, batch=(5,))
    double = {name: np.float64(value) for name, value in parameters.items()}
    # In levels: x = level / 127.5 - 1. TFP's bins lie below each whole number.
    logistic = tfd.Logistic(
        127.5 * (double["loc"][:, 0] + 1.0) - 0.5, 127.5 * double["scale"][:, 0]
    )
    theirs = tfd.MixtureSameFamily(
        tfd.Categorical(logits=double["logits"]),
        tfd.QuantizedDistribution(logistic, low=0.0, high=255.0),
    )
    ours = DiscretizedLogisticMixture(**parameters)
    levels = np.broadcast_to(LEVELS[:, None], (256, 5))
    np.testing.assert_allclose(
        ours.log_prob(levels[..., None].astype(np.float32)),
        theirs.log_prob(levels.astype(np.float64)),
        rtol=2e-5,  # float32 arguments of up to a hundred scales
    )


@pytest.mark.parametrize("scales", [(0.001, 0.002), (0.01, 0.3), (1.0, 1000.0)])
def test_probabilities_sum_to_one_along_the_channels(scales):
    parameters = _parameters(3, scales=scales)
    # Summed over the last channel it is the mixture of the channels before it.
    np.testing.assert_allclose(_pmf(_first(parameters, 1), 1).sum(), 1.0, rtol=1e-4)
    red_green = _pmf(_first(parameters, 2), 2)
    red = _pmf(_first(parameters, 1), 1)
    np.testing.assert_allclose(red_green.sum(1), red, rtol=1e-4, atol=1e-7)
    for r, g in ((0, 0), (3, 250), (128, 77), (255, 255)):
        rgb = np.stack([np.full(256, r), np.full(256, g), LEVELS], -1)
        mixture = DiscretizedLogisticMixture(**parameters)
        total = np.exp(mixture.log_prob(rgb.astype(np.float32))).sum()
        np.testing.assert_allclose(total, red_green[r, g], rtol=1e-4, atol=1e-30)


def test_bins_far_in_a_tail_keep_their_probability():
    # One component of scale exp(-7), two units off: no sigmoid differs from 0 or 1.
    scale, distance = np.exp(-7.0), 2.0 - 2 / 255
    for level, loc in ((1.0, 1.0), (254.0, -1.0)):
        mixture = DiscretizedLogisticMixture(
            [0.0], [[loc]], [[np.float32(scale)]], np.zeros([0, 1], np.float32)
        )
        # exp(-d / s) (exp(h / s) - exp(-h / s)), the limit of both sigmoids.
        expected = -distance / scale + np.log(2 * np.sinh(1 / 255 / scale))
        np.testing.assert_allclose(mixture.log_prob([level]), expected, rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1.0, 128.0, 254.0, 255.0])
def test_gradients_are_finite_for_any_parameters(level):
    for size in (1.0, 50.0):
        parameters = {
            "logits": tf.constant([-size, size]),
            "loc": tf.constant([[-size, size]]),
            "scale": tf.constant([[np.exp(-7.0), np.exp(7.0)]], tf.float32),
            "coefficients": tf.zeros([0, 2]),
        }
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            log_prob = DiscretizedLogisticMixture(**parameters).log_prob([level])
        assert np.isfinite(log_prob)
        for name, gradient in tape.gradient(log_prob, parameters).items():
            assert np.isfinite(gradient).all(), name


def test_samples_of_one_channel_follow_the_probabilities():
    parameters = _parameters(1)
    mixture = DiscretizedLogisticMixture(**parameters)
    samples = mixture.sample(20000, seed=1)
    assert samples.shape == (20000, 1)
    np.testing.assert_array_equal(samples, np.round(samples))
    assert_samples_follow(samples.numpy().astype(int), _pmf(parameters, 1))


def test_samples_of_two_channels_follow_the_joint_probabilities():
    parameters = _parameters(2, seed=3)
    samples = DiscretizedLogisticMixture(**parameters).sample(20000, seed=1)
    blocks = samples.numpy().astype(int) // 32
    joint = _pmf(parameters, 2).reshape(8, 32, 8, 32).sum((1, 3))
    assert_samples_follow(8 * blocks[:, 0] + blocks[:, 1], joint.ravel())


def test_a_later_channel_depends_on_the_level_of_the_earlier_one():
    # Scales of a level and less: where in its bin the first one fell would show.
    parameters = {
        "logits": np.zeros([1], np.float32),
        "loc": np.array([[0.1], [-0.2]], np.float32),
        "scale": np.array([[0.008], [0.001]], np.float32),
        "coefficients": np.array([[0.9]], np.float32),
    }
    samples = DiscretizedLogisticMixture(**parameters).sample(20000, seed=1)
    cells = samples.numpy().astype(int) @ [256, 1]
    assert_samples_follow(cells, _pmf(parameters, 2).ravel())


# A level is 2 / 255 wide: above that scale the bins do not matter to the mean.
@pytest.mark.parametrize(("scale", "atol"), [(0.001, 0.5), (0.008, 0.01), (0.5, 0.01)])
def test_mean_of_a_channel_is_that_of_its_levels(scale, atol):
    for seed in range(5):
        parameters = _parameters(1, seed=seed, scales=(scale, scale))
        expected = _pmf(parameters, 1) @ LEVELS
        mean = DiscretizedLogisticMixture(**parameters).mean()
        np.testing.assert_allclose(mean, [expected], atol=atol)


def test_mean_of_a_coupled_channel_is_that_of_its_levels_within_the_range():
    for seed in range(3):
        parameters = _parameters(2, seed=seed, scales=(0.02, 0.05))
        parameters["loc"] *= 0.3  # nothing reaches the ends of [-1, 1]
        expected = _pmf(parameters, 2).sum(0) @ LEVELS
        mean = DiscretizedLogisticMixture(**parameters).mean()
        np.testing.assert_allclose(mean[1], expected, atol=0.02)


def test_mean_lies_in_the_range_whatever_the_parameters():
    rng = np.random.default_rng(0)
    size = (20, 3, NUM_MIXTURES)
    mean = DiscretizedLogisticMixture(
        50 * rng.normal(size=(20, NUM_MIXTURES)).astype(np.float32),
        50 * rng.normal(size=size).astype(np.float32),
        np.exp(rng.uniform(-7, 7, size)).astype(np.float32),
        rng.choice([-1.0, 1.0], size).astype(np.float32),
    ).mean()
    assert mean.shape == (20, 3)
    assert np.all(mean >= 0.0) and np.all(mean <= 255.0)


def test_shapes():
    mixture = DiscretizedLogisticMixture(**_parameters(3, batch=(2, 4)))
    assert mixture.batch_shape == (2, 4) and mixture.event_shape == (3,)
    assert mixture.batch_shape_tensor().numpy().tolist() == [2, 4]
    assert mixture.event_shape_tensor().numpy().tolist() == [3]
    samples = mixture.sample([5, 6], seed=1)
    assert samples.shape == (5, 6, 2, 4, 3)
    assert mixture.log_prob(samples).shape == (5, 6, 2, 4)
    assert mixture.mean().shape == (2, 4, 3)
