"""Futures with the decoder's noise: pixels that stand for the data."""

import inspect

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from linear_gaussian import LinearGaussianModel
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae import decoders
from tfsigmavae.decoders import FixedSigma
from tfsigmavae.video import VideoModel
from tfsigmavae_video.evaluation.clip_scores import draws_pixels
from tfsigmavae_video.models.future_noise import draw_pixels

SIGMA = 0.25


@pytest.fixture(scope="module")
def model():
    """Its running sigma is neither the first one nor that of any clip."""
    model = randomise_weights(tiny_model())
    model.decoder.running_variance.assign(SIGMA**2)
    return model


def context_of(num_clips=3, num_frames=2):
    return random_clips(num_clips, num_frames)


def test_means_are_those_of_a_prediction_and_pixels_are_around_them(model):
    context = context_of()
    means, pixels = model.sample_futures(context, 6, 20, seed=5)
    plain = model.predict_frames(context, 6, 20, seed=5)
    np.testing.assert_array_equal(means, plain)
    np.testing.assert_array_equal(
        pixels, model.predict_frames(context, 6, 20, seed=5, sample_noise=True)
    )
    assert pixels.shape == means.shape and pixels.dtype == tf.float32
    noise = np.float64(pixels - means) / SIGMA
    # 69,120 numbers: standard errors of 0.004, 0.003 and 0.02.
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1.0) < 0.015
    assert abs(np.mean(noise**4) - 3.0) < 0.1
    assert np.min(pixels) < 0.0 and np.max(pixels) > 1.0  # not clipped


def test_noise_of_other_samples_clips_steps_and_seeds_is_other_noise(model):
    context = np.repeat(context_of(1), 2, axis=0)
    means, pixels = model.sample_futures(context, 3, 2, seed=5)
    noise = np.float64(pixels - means)  # [S, B, T, ...]
    rows = noise.reshape(12, -1)
    means, pixels = model.sample_futures(context, 3, 2, seed=6)
    rows = np.concatenate([rows, np.float64(pixels - means).reshape(12, -1)])
    correlations = np.corrcoef(rows) - np.eye(24)
    # 192 numbers a row: a standard error of 0.07, of which 276 pairs reach 3 to 4.
    assert np.abs(correlations).max() < 0.32


def test_other_clips_have_other_noise_whatever_the_decoder():
    """Clips that are predicted one after the other must not share theirs."""
    params = tf.random.stateless_normal([1, 8, 8, 256], [1, 2])
    frame = decoders.get("categorical")(params)
    drawn = [draw_pixels(frame, 0, tf.constant([clip]), 1, 3) for clip in (0, 1, 0)]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    # Of equal distributions: alike as often as chance has it.
    assert np.mean(drawn[0] == drawn[1]) < 0.2


def test_pixels_are_the_same_alone_and_in_company(model):
    context = context_of()
    together = model.predict_frames(context, 4, 3, seed=5, sample_noise=True)
    alone = model.predict_frames(
        context[1:2], 2, 2, seed=5, clip_numbers=[1], sample_noise=True
    )
    # Another batch is another order of float32 sums; the noise itself is the same.
    np.testing.assert_allclose(alone[:, 0], together[:2, 1, :2], atol=1e-5)
    by_one = model.predict_frames(
        context, 4, 3, seed=5, sample_batch_size=1, sample_noise=True
    )
    np.testing.assert_allclose(by_one, together, atol=1e-5)


def test_mean_futures_trace_no_noise(monkeypatch):
    model = LinearGaussianModel()
    drawn = []
    monkeypatch.setattr(
        "tfsigmavae_video.models.rollout.draw_pixels",
        lambda *args: drawn.append(1) or draw_pixels(*args),
    )
    context = model.simulate(2, 1)
    model.predict_frames(context, 3)
    assert not drawn
    model.predict_frames(context, 3, sample_noise=True)
    assert len(drawn) == 1


@pytest.mark.parametrize("name", decoders.names())
def test_every_decoder_draws_what_it_says(name):
    decoder = decoders.get(name)
    rng = np.random.default_rng(0)
    raw = rng.normal(size=[1, 4, 4, decoder.params_size(3)])
    params = decoder.activate(tf.constant(np.tile(raw, [500, 1, 1, 1]), tf.float32))
    frames = decoder(params)

    @tf.function(autograph=False)
    def draw(step, first):
        return draw_pixels(frames, 3, tf.range(1), 500, step, first)

    pixels = draw(tf.constant(2), tf.constant(0))
    np.testing.assert_array_equal(draw(tf.constant(2), tf.constant(0)), pixels)
    # Means within five standard errors; deviations on the whole (the fourth moment of
    # Student's t is large, or none).
    means, deviations = frames.mean().numpy()[0], np.std(pixels, 0)
    assert np.max(np.abs(np.mean(pixels, 0) - means) * np.sqrt(500) / deviations) < 5
    if name != "logistic_mixture":  # tells no deviation
        spread = deviations / frames.stddev().numpy()[0]
        assert np.median(spread) == pytest.approx(1.0, abs=0.1)
    levels = 255 * pixels.numpy()
    if decoder.measure != "density":
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-3)
    # Other steps, and other rounds, draw anew.
    for step, first in ((3, 0), (2, 500)):
        other = draw(tf.constant(step), tf.constant(first))
        both = [np.ravel((x - means) / deviations) for x in (other, pixels)]
        assert abs(np.corrcoef(both)[0, 1]) < 0.05


def test_grey_levels_and_the_like_of_the_same_call_are_the_same():
    model = randomise_weights(tiny_model(decoder="bernoulli", width=2))
    context = context_of(1)
    pixels, again = (
        model.predict_frames(
            context, 2, 5, seed=1, sample_batch_size=3, sample_noise=True
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(again, pixels)
    assert set(np.unique(pixels)) == {0.0, 1.0}
    rows = np.float64(pixels)[[0, 3]].reshape(4, -1)  # rounds and steps
    assert np.unique(rows, axis=0).shape[0] == 4


def test_a_model_without_pixel_noise_says_so():
    toy = DriftingModel((8, 8, 3))
    for sample in (
        lambda: toy.predict_frames(context_of(), 2, sample_noise=True),
        lambda: toy.sample_futures(context_of(), 2),
    ):
        with pytest.raises(TypeError, match="DriftingModel.step` returns a frame"):
            sample()
    assert not draws_pixels(toy)  # so it is evaluated without
    assert toy.predict_frames(context_of(), 2).shape == (1, 3, 2, 8, 8, 3)


def test_arguments_are_those_of_a_prediction(model):
    ours = inspect.signature(VideoModel.sample_futures).parameters
    theirs = inspect.signature(VideoModel.predict_frames).parameters
    assert list(ours) == list(theirs)[:-1]
    for name, parameter in ours.items():
        assert parameter.default == theirs[name].default
    with pytest.raises(ValueError, match="`num_samples`"):
        model.sample_futures(context_of(), 2, 0)


NUM_SAMPLES = 19


@pytest.fixture(scope="module")
def ranks():
    """Ranks of the truth among sampled futures, `[clips, steps, pixels]`."""
    model = LinearGaussianModel(seed=0)
    clips = model.simulate(600, 4, fed="means")
    pixels = model.predict_frames(
        clips[:, :1], 3, NUM_SAMPLES, seed=1, sample_noise=True
    )
    return np.sum(pixels < clips[:, 1:], axis=0).reshape(600, 3, -1)


def test_futures_of_the_true_model_have_flat_ranks(ranks):
    for pixel in (0, 7):  # one a frame: those of a frame share a latent
        counts = np.bincount(ranks[:, :, pixel].ravel(), minlength=NUM_SAMPLES + 1)
        chi_square = np.sum((counts - 90.0) ** 2 / 90.0)
        assert chi_square < 43.8  # 19 degrees of freedom: 1 in 1,000


def test_futures_of_the_true_model_cover_what_they_promise(ranks):
    # Of 20 gaps between 19 futures, the 10 and 18 in the middle.
    for gaps, share in ((10, 0.5), (18, 0.9)):
        low = (NUM_SAMPLES + 1 - gaps) // 2
        inside = (ranks >= low) & (ranks < low + gaps)
        assert np.mean(inside) == pytest.approx(share, abs=0.01)


def test_means_alone_are_too_sure_of_themselves():
    model = LinearGaussianModel(seed=0)
    clips = model.simulate(100, 2)
    means, pixels = model.sample_futures(clips[:, :1], 1, NUM_SAMPLES, seed=1)
    outside = [
        np.mean((clips[:, 1:] < x.numpy().min(0)) | (clips[:, 1:] > x.numpy().max(0)))
        for x in (means, pixels)
    ]
    assert outside[0] > 0.2 > 0.13 > outside[1]  # 0.1 is right


def test_half_the_sigma_is_found_out():
    """The other way round: ranks see a decoder that is too narrow."""
    model = LinearGaussianModel(seed=0)
    clips = model.simulate(200, 2)
    narrow = LinearGaussianModel(decoder=FixedSigma(model.sigma / 2))
    pixels = narrow.predict_frames(
        clips[:, :1], 1, NUM_SAMPLES, seed=1, sample_noise=True
    )
    ranks = np.sum(pixels < clips[:, 1:], axis=0)
    assert np.mean((ranks == 0) | (ranks == NUM_SAMPLES)) > 0.13
