"""p(x | z) of one posterior sample: noise by a seed, and nothing else moved."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_subjects import SUBJECTS
from linear_gaussian import LinearGaussianModel
from tiny_svg_lp import random_clips, tiny_model

from tfsigmavae.layers import DiagonalNormal
from tfsigmavae.models import ConvVAE, ElboTerms, VariationalModel


def _variables(model):
    return [np.array(variable) for variable in model.variables]


@pytest.mark.parametrize("name", SUBJECTS)
def test_it_repeats_and_leaves_the_model_alone(name):
    subject = SUBJECTS[name]
    model = subject.make()
    model.seed_generator.next()
    data = subject.data()
    before = _variables(model)
    first, again, other = (model.posterior_likelihood(data, s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(again.mean(), first.mean())
    assert np.any(other.mean() != first.mean())
    for old, new in zip(before, _variables(model), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("name", SUBJECTS)
def test_distribution_and_target_are_those_of_evaluation(name):
    subject = SUBJECTS[name]
    model = subject.make()
    data = subject.data()
    likelihood, target = model.posterior_likelihood(data, 3)
    assert target.dtype == tf.float32 and likelihood.batch_shape == [4]
    frames = data[:, 1:] if data.ndim == 5 else data
    np.testing.assert_allclose(target, frames / 255.0, atol=1e-6)
    assert likelihood.log_prob(target).shape == [4]
    # The running sigma, not one fitted to this batch.
    np.testing.assert_allclose(likelihood.stddev(), model.decoder.sigma)


def test_neighbouring_seeds_share_no_noise():
    model = LinearGaussianModel()
    clips = model.simulate(200, 2)
    means = [
        np.ravel(model.posterior_likelihood(clips, seed)[0].mean()) for seed in range(4)
    ]
    centre = np.ravel(model(clips))
    correlations = np.corrcoef([mean - centre for mean in means]) - np.eye(4)
    # 400 latents: a standard error of 0.05.
    assert np.abs(correlations).max() < 0.2


def test_scored_frames_alone():
    model = tiny_model(scored_frames="future", num_context=3)
    clips = random_clips(2, 5)
    likelihood, target = model.posterior_likelihood(clips, 0)
    assert likelihood.event_shape == [2, 8, 8, 3] and model.first_scored_frame == 3
    np.testing.assert_allclose(target, clips[:, 3:] / 255.0, atol=1e-6)


def test_in_a_graph_with_a_seed_that_is_a_tensor():
    model = ConvVAE((8, 8, 1), 2, (3, 4), seed=0)
    images = SUBJECTS["ConvVAE"].data()
    before = _variables(model)

    @tf.function
    def score(images, seed):
        likelihood, target = model.posterior_likelihood(images, seed)
        return likelihood.log_prob(target)

    for seed in (1, 2):
        likelihood, target = model.posterior_likelihood(images, seed)
        expected = likelihood.log_prob(target)
        ours = score(images, tf.constant(seed))
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
    assert score.experimental_get_tracing_count() == 1
    for old, new in zip(before, _variables(model), strict=True):
        np.testing.assert_array_equal(new, old)


class _OwnGenerators(VariationalModel):
    """Noise of a layer's own generator, besides the model's."""

    def __init__(self):
        super().__init__("fixed_sigma", seed=0)
        self.layer = DiagonalNormal(2)
        self.other = keras.random.SeedGenerator(5)
        self.built = True

    def elbo_terms(self, inputs, training):
        if self.fails:
            raise ValueError("no")
        noise = keras.random.normal([4, 2], seed=self.other)
        noise += self.seed_generator.normal([4, 2])
        likelihood = self.decoder(inputs + noise)
        return ElboTerms(likelihood, inputs, tf.zeros([4]))

    fails = False

    def call(self, inputs, training=False):
        return inputs


def test_every_generator_is_set_and_put_back_even_after_an_error():
    model = _OwnGenerators()
    inputs = tf.zeros([4, 2])
    before = [np.array(model.other.state), np.array(model.seed_generator.state)]
    first, again = (model.posterior_likelihood(inputs, 1)[0].mean() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    model.fails = True
    with pytest.raises(ValueError, match="no"):
        model.posterior_likelihood(inputs, 1)
    after = [np.array(model.other.state), np.array(model.seed_generator.state)]
    np.testing.assert_array_equal(after, before)
