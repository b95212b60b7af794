"""The importance-weighted bound, against evidences that are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.models import ConvVAE, ElboTerms, VariationalModel

tfd = tfp.distributions
SIGMA = 0.5
NUM_DIMS, LATENT_SIZE = 6, 2
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(LATENT_SIZE, NUM_DIMS)).astype(np.float32)
POINTS = RNG.normal(size=(5, NUM_DIMS)).astype(np.float32)


class LinearGaussianVAE(VariationalModel):
    """x = z W + noise: everything about it is known in closed form.

    The posterior is the true one, its standard deviations widened by a factor.
    """

    def __init__(self, widen):
        super().__init__(FixedSigma(SIGMA, values="real"), seed=0)
        precision = np.eye(LATENT_SIZE) + WEIGHTS @ WEIGHTS.T / SIGMA**2
        self.covariance = np.linalg.inv(precision)
        scale = widen * np.linalg.cholesky(self.covariance)
        self.scale = tf.constant(scale, tf.float32)
        self.calls = 0

    def _posterior(self, inputs):
        gain = np.float32(WEIGHTS.T @ self.covariance / SIGMA**2)
        return tfd.MultivariateNormalTriL(inputs @ gain, self.scale)

    def _prior(self):
        return tfd.MultivariateNormalDiag(tf.zeros([LATENT_SIZE]))

    def elbo_terms(self, inputs, training):
        posterior = self._posterior(inputs)
        latents = posterior.sample(seed=1)
        kl = tfd.kl_divergence(
            posterior, tfd.MultivariateNormalTriL(0.0, tf.eye(LATENT_SIZE))
        )
        return ElboTerms(self.decoder(latents @ WEIGHTS), inputs, kl)

    def call(self, inputs, training=False):
        return self.decoder(self._posterior(inputs).mean() @ WEIGHTS).mean()

    def importance_sampler(self, inputs):
        self.calls += 1  # traced once: the posterior is not computed a sample
        posterior = self._posterior(inputs)

        def draw(seed):
            latents = posterior.sample(seed=seed)
            likelihood = self.decoder(latents @ WEIGHTS)
            log_ratio = self._prior().log_prob(latents) - posterior.log_prob(latents)
            return likelihood.log_prob(inputs) + log_ratio

        return draw


def _evidence():
    covariance = WEIGHTS.T @ WEIGHTS + SIGMA**2 * np.eye(NUM_DIMS)
    zeros = np.zeros(NUM_DIMS)
    return tfd.MultivariateNormalFullCovariance(zeros, covariance).log_prob(
        np.float64(POINTS)
    )


@pytest.mark.parametrize("num_samples", [1, 7])
def test_with_the_true_posterior_every_sample_tells_the_evidence(num_samples):
    bound = LinearGaussianVAE(widen=1.0).log_likelihood(POINTS, num_samples, seed=3)
    # float32 sums of a dozen terms; no Monte Carlo error.
    np.testing.assert_allclose(bound, _evidence(), atol=1e-4)


def test_the_bound_rises_to_the_evidence():
    model = LinearGaussianVAE(widen=1.5)
    gaps = []
    for num_samples in (1, 10, 3000):
        seeds = range(100 if num_samples < 100 else 3)
        bounds = [model.log_likelihood(POINTS, num_samples, seed=s) for s in seeds]
        gaps.append(np.mean(_evidence() - np.mean(bounds, axis=0)))
    # KL(q || p(z | x)) of K = 2 widened dimensions, which is the gap at one sample; the
    # mean of 500 draws has a standard error of about 0.06.
    expected = LATENT_SIZE * (0.5 * 1.5**2 - 0.5 - np.log(1.5))
    assert gaps[0] == pytest.approx(expected, abs=0.2)
    assert gaps[0] > gaps[1] + 0.2 and gaps[1] > gaps[2] + 0.01
    assert gaps[2] == pytest.approx(0.0, abs=0.01)


def test_the_mean_is_one_of_weights_and_not_of_their_logarithms():
    model = LinearGaussianVAE(widen=1.5)
    draw = model.importance_sampler(tf.constant(POINTS))
    fold_in = tf.random.experimental.stateless_fold_in
    seeds = [fold_in(tf.constant([3, 0]), k) for k in range(4)]
    weights = [np.exp(np.float64(draw(seed))) for seed in seeds]
    bound = model.log_likelihood(POINTS, 4, seed=3)
    np.testing.assert_allclose(bound, np.log(np.mean(weights, axis=0)), rtol=1e-5)


def test_more_samples_or_other_batches_trace_nothing_anew():
    model = LinearGaussianVAE(widen=1.5)
    for num_samples in (1, 2, 50):
        model.log_likelihood(POINTS, num_samples, seed=1)
    assert model.calls == 1
    parts = model.log_likelihood(POINTS, 2000, seed=1, batch_size=2)
    assert model.calls <= 3  # a last, shorter batch has another shape
    np.testing.assert_allclose(parts, _evidence(), atol=0.05)


def test_seeds():
    model = LinearGaussianVAE(widen=1.5)
    first, again, other = (model.log_likelihood(POINTS, 2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)
    # Batches of the same points get noise of their own.
    twice = model.log_likelihood(np.tile(POINTS, [2, 1]), 2, seed=1, batch_size=5)
    assert np.all(twice[:5] != twice[5:])
    unseeded = [model.log_likelihood(POINTS, 2) for _ in range(2)]
    assert np.all(unseeded[0] != unseeded[1])


@pytest.mark.parametrize(
    "options",
    [{"num_importance_samples": 0}, {"num_importance_samples": 2.5}, {"batch_size": 0}],
)
def test_no_samples_are_refused(options):
    with pytest.raises(ValueError, match="must be at least 1"):
        LinearGaussianVAE(1.0).log_likelihood(POINTS, **options)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="no examples"):
        LinearGaussianVAE(1.0).log_likelihood(POINTS[:0])


def _log_integral(log_joint, grid):
    """log of the integral over one latent, whose ends carry no mass."""
    log_joint = np.float64(log_joint)
    peak = log_joint.max(axis=0)
    return peak + np.log(np.exp(log_joint - peak).sum(axis=0) * (grid[1] - grid[0]))


GRID = np.linspace(-6.0, 6.0, 801, dtype=np.float32)


def test_image_model_against_the_integral_over_its_latent():
    model = ConvVAE((4, 4, 1), 1, (2, 2), decoder=FixedSigma(0.4), seed=0)
    for variable in model.generator.trainable_variables:  # so that the latent matters
        variable.assign(variable * 1.5)
    images = np.random.default_rng(1).random((3, 4, 4, 1)).astype(np.float32)
    likelihood = model.generate(tf.repeat(GRID[:, None], 3, axis=0))
    log_likelihood = likelihood.log_prob(np.tile(images, [len(GRID), 1, 1, 1]))
    log_prior = -0.5 * GRID**2 - 0.5 * np.log(2 * np.pi)
    log_joint = tf.reshape(log_likelihood, [-1, 3]) + log_prior[:, None]
    expected = _log_integral(log_joint, GRID)
    bound = model.log_likelihood(images, 10000, seed=1)
    # The standard error of 10,000 weights, some of which are rare and large.
    np.testing.assert_allclose(bound, expected, atol=0.05)
    # A single sample is below, on average: by more than five standard errors.
    many = np.repeat(images, 4000, axis=0)
    one = np.reshape(model.log_likelihood(many, seed=0, batch_size=4000), [3, -1])
    error = np.sqrt(np.mean(np.var(one, axis=1)) / one.size)
    assert np.mean(one) < np.mean(expected) - 5 * error


def test_one_sample_has_the_elbo_as_its_mean():
    model = ConvVAE((4, 4, 1), 2, (2, 2), decoder=FixedSigma(0.4), seed=0)
    images = RNG.random((2, 4, 4, 1)).astype(np.float32)
    many = np.repeat(images, 2000, axis=0)
    terms = model.elbo_terms(many, training=False)
    elbo = np.reshape(-terms.nll - terms.kl, [2, -1])
    bound = np.reshape(model.log_likelihood(many, seed=1, batch_size=4000), [2, -1])
    error = np.std(bound, axis=1) / np.sqrt(2000)
    difference = np.mean(bound, axis=1) - np.mean(elbo, axis=1)
    assert np.all(np.abs(difference) < 5 * error)


@pytest.mark.parametrize("scored_frames", ["all", "future"])
def test_video_model_against_the_integral_over_its_latent(scored_frames):
    model = randomise_weights(
        tiny_model(
            num_context=1,
            latent_size=1,
            decoder=FixedSigma(0.5),
            scored_frames=scored_frames,
        ),
        seed=1,
    )
    clips = random_clips(2, 2, model.frame_shape)  # one step, so one latent
    frames = tf.constant(clips / 255.0, tf.float32)
    codes, skips = model.networks.encode(frames)
    prior, _ = model.networks.prior(codes[:, :-1])
    log_joint = []
    for latent in GRID[::8]:
        latents = tf.fill([2, 1, 1], latent)
        raw = model.networks.generate(codes, latents, None, skips, 0, training=False)
        likelihood = model.decoder(model.decoder.activate(raw))
        log_prior = prior.log_prob(latents)[:, 0]
        log_joint.append(likelihood.log_prob(frames[:, 1:]) + log_prior)
    expected = _log_integral(np.stack(log_joint), GRID[::8])
    bound = model.log_likelihood(clips, 5000, seed=1)
    np.testing.assert_allclose(bound, expected, atol=0.1)


def test_the_memory_of_a_model_with_actions_is_sliced_too():
    model = tiny_model(action_size=2, decoder=FixedSigma(0.5))
    clips = random_clips(3, 4, model.frame_shape)
    actions = RNG.normal(size=(3, 4, 2)).astype(np.float32)
    inputs = {"frames": clips, "actions": actions}
    bound = model.log_likelihood(inputs, 2, seed=1, batch_size=2)
    whole = model.log_likelihood({k: v[:2] for k, v in inputs.items()}, 2, seed=1)
    assert bound.shape == (3,)
    np.testing.assert_allclose(bound[:2], whole, rtol=1e-5)


def test_keras_is_of_one_mind_about_training():
    """`log_likelihood` uses the running sigma, and moves nothing."""
    model = ConvVAE((4, 4, 1), 2, (2, 2), seed=0)
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    images = RNG.random((8, 4, 4, 1)).astype(np.float32)
    model.fit(images, epochs=2, verbose=0)
    before = [np.array(variable) for variable in model.variables]
    fixed = ConvVAE(
        (4, 4, 1), 2, (2, 2), decoder=FixedSigma(float(model.decoder.sigma)), seed=0
    )
    fixed.set_weights(model.trainable_variables)
    ours, theirs = (m.log_likelihood(images, 3, seed=2) for m in (model, fixed))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)
