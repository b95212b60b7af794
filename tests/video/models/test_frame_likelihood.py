"""Likelihood frame by frame, against evidences in closed form and naive sums."""

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from linear_gaussian import LinearGaussianModel
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models.seeding import fold_in, standard_normal
from tfsigmavae.video import VideoModel


@pytest.fixture(scope="module")
def exact():
    return LinearGaussianModel(seed=0)


@pytest.fixture(scope="module")
def wrong():
    return LinearGaussianModel(widen=1.3, shift=0.7, seed=0)


@pytest.fixture(scope="module")
def clips(exact):
    return exact.simulate(40, 5)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_with_the_true_posterior_every_sample_tells_the_evidence(
    exact, clips, num_samples
):
    evidence = exact.frame_log_evidence(clips)
    frames = exact.frame_log_likelihood(clips, num_samples, seed=1)
    assert frames.shape == (40, 4) and frames.dtype == tf.float32
    # float32 sums of 16 squared errors over a variance of 1e-3; no Monte Carlo error.
    np.testing.assert_allclose(frames, evidence, atol=1e-3)
    bound = exact.log_likelihood(clips, num_samples, seed=1)
    np.testing.assert_allclose(bound, evidence.sum(1), atol=3e-3)


def test_the_mean_elbo_of_the_true_posterior_is_the_evidence(exact, clips):
    terms = exact.elbo_terms(np.tile(clips, [100, 1, 1, 1, 1]), training=False)
    elbos = np.float64(-terms.nll - terms.kl)
    error = elbos - np.tile(exact.frame_log_evidence(clips).sum(1), 100)
    # 4,000 draws.
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(4000) < 0.2


def test_the_bound_of_a_wrong_posterior_lies_between_its_elbo_and_the_evidence(
    wrong, clips
):
    evidence = wrong.frame_log_evidence(clips).sum(1)
    elbo, bound = (
        np.mean([wrong.log_likelihood(clips, k, seed=s) for s in range(4)], axis=0)
        for k in (1, 64)
    )
    # KL(q || p(z | x)) of 2 latents in 4 steps, by hand.
    gap = 8 * (0.5 * (1.3**2 + 0.7**2) - 0.5 - np.log(1.3))
    assert np.mean(evidence - elbo) == pytest.approx(gap, abs=0.5)
    assert np.mean(elbo) + 1.0 < np.mean(bound)
    # A bound on average: 160 draws, each with a deviation of less than 1 nat.
    assert np.mean(bound) < np.mean(evidence) + 0.1
    assert np.mean(bound) > np.mean(evidence) - 1.0


def test_increments_are_those_of_running_means_of_cumulated_weights(wrong, clips):
    clips = clips[:3]
    draw = wrong.frame_importance_sampler(clips, lambda p, x: p.step_log_prob(x))
    key = tf.constant([7, 0])
    weights = np.float64([draw(fold_in(key, k)) for k in range(5)])
    bounds = np.log(np.mean(np.exp(np.cumsum(weights, axis=2)), axis=0))
    expected = np.diff(bounds, axis=1, prepend=0.0)
    ours = wrong.frame_log_likelihood(clips, 5, seed=7)
    np.testing.assert_allclose(ours, expected, atol=1e-3)
    # Not the mean weight of each frame by itself, which forgets what came before.
    alone = np.log(np.mean(np.exp(weights), axis=0))
    assert np.abs(ours - alone)[:, 1:].max() > 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scored_frames": "future", "prior": "standard_normal"},
        {"action_size": 2},
        {"decoder": "per_image_sigma", "dtype": "mixed_bfloat16"},
    ],
)
def test_frames_add_up_to_the_clip(changes):
    model = randomise_weights(tiny_model(**changes))
    inputs = random_clips(3, 5)
    if model.action_size:
        actions = np.random.default_rng(0).normal(size=[3, 5, 2])
        inputs = {"frames": inputs, "actions": actions}
    frames = model.frame_log_likelihood(inputs, 2, seed=3, batch_size=2)
    assert model.first_scored_frame == (2 if "scored_frames" in changes else 1)
    assert frames.shape == (3, 5 - model.first_scored_frame)
    bound = model.log_likelihood(inputs, 2, seed=3, batch_size=2)
    np.testing.assert_allclose(tf.reduce_sum(frames, 1), bound, rtol=1e-5, atol=1e-2)


def test_each_frame_against_the_definition():
    """One sample: log p(x_t | z) + log p(z_t) - log q(z_t), in NumPy."""
    model = randomise_weights(tiny_model(decoder=FixedSigma(0.5)))
    clips = random_clips(2, 4)
    networks = model.networks
    pixels = tf.constant(clips / 255.0, tf.float32)
    codes, skips = networks.encode(pixels)
    posterior, _ = networks.posterior(codes[:, 1:])
    prior, _ = networks.prior(codes[:, :-1])
    noise = standard_normal([2, 3, 3], fold_in(tf.constant([5, 0]), 0))
    latents = posterior.mean() + posterior.stddev() * noise
    raw = networks.generate(codes, latents, None, skips, 0, training=False)
    means = 1.0 / (1.0 + np.exp(-np.float64(raw)))

    def log_normal(x, mean, scale):
        x, mean, scale = (np.float64(v) for v in (x, mean, scale))
        z = (x - mean) / scale
        return -0.5 * z**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)

    expected = log_normal(pixels[:, 1:], means, 0.5).sum((2, 3, 4))
    for sign, p in ((1, prior), (-1, posterior)):
        expected += sign * log_normal(latents, p.mean(), p.stddev()).sum(-1)
    ours = model.frame_log_likelihood(clips, seed=5)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_svg_lp_has_a_higher_bound_of_more_samples():
    model = randomise_weights(tiny_model(decoder=FixedSigma(0.5)))
    clips = random_clips(8, 4)
    elbo = np.mean([model.log_likelihood(clips, 1, seed=s) for s in range(20)])
    assert np.mean(model.log_likelihood(clips, 64, seed=0)) > elbo + 0.1


def test_exact_mass_is_that_of_grey_levels():
    """A narrow level is its density times its width; the levels add up to one."""
    wide = LinearGaussianModel(seed=0, decoder=FixedSigma(1.0), sigma=1.0)
    levels = np.random.default_rng(0).integers(1, 255, [2, 3, 4, 4, 1], np.uint8)
    density = wide.frame_log_likelihood(levels, seed=0)
    mass = wide.frame_log_likelihood(levels, seed=0, exact_mass=True)
    bridge = 16 * np.log(255.0)
    # The midpoint rule: (1 / 255)**2 / 24 a pixel; float32 in the ends of bins.
    np.testing.assert_allclose(mass, density - bridge, atol=2e-2)
    model = tiny_model(decoder="bernoulli")
    with pytest.raises(TypeError, match="grey levels no probability"):
        model.frame_log_likelihood(random_clips(), exact_mass=True)


def test_sources_seeds_and_batches(wrong, clips):
    expected = wrong.frame_log_likelihood(clips, 2, seed=1, batch_size=16)
    dataset = tf.data.Dataset.from_tensor_slices(clips).batch(16)
    np.testing.assert_allclose(wrong.frame_log_likelihood(dataset, 2, 1), expected)
    other = wrong.frame_log_likelihood(clips, 2, seed=2, batch_size=16)
    assert np.all(other != expected)
    fresh = [wrong.frame_log_likelihood(clips[:2], 2) for _ in range(2)]
    assert np.all(fresh[0] != fresh[1])
    with pytest.raises(ValueError, match="no examples"):
        wrong.frame_log_likelihood(clips[:0])
    with pytest.raises(ValueError, match="`num_importance_samples`"):
        wrong.frame_log_likelihood(clips, 0)


class _OnlyWholeClips(LinearGaussianModel):
    """Written before there were frames."""

    frame_importance_sampler = VideoModel.frame_importance_sampler

    def importance_sampler(self, inputs):
        return lambda seed: tf.zeros([tf.shape(inputs)[0]])


def test_a_model_that_scores_whole_clips_alone(clips):
    model = _OnlyWholeClips()
    np.testing.assert_array_equal(model.log_likelihood(clips), np.zeros(40))
    neither = DriftingModel((4, 4, 1))
    for verb in (
        model.frame_log_likelihood,
        neither.frame_log_likelihood,
        neither.log_likelihood,
    ):
        with pytest.raises(NotImplementedError, match="write `frame_importance_sam"):
            verb(clips)
