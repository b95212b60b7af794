"""What evaluation asks of a video model, asked of each kind, new and loaded."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import LinearGaussianModel
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.metrics import active_units

NUM_FRAMES, NUM_CLIPS = 6, 3
# Half precision of the networks alone: likelihoods and frames stay float32.
MODELS = {
    "SVG-LP": lambda: tiny_model(
        action_size=2, scored_frames="future", dtype="mixed_bfloat16"
    ),
    "SVG-FP": lambda: tiny_model(prior="standard_normal", decoder="per_image_sigma"),
    "of one's own": LinearGaussianModel,
}


def _inputs(model):
    clips = random_clips(NUM_CLIPS, NUM_FRAMES, model.frame_shape)
    if not model.action_size:
        return clips, None
    rng = np.random.default_rng(0)
    shape = (NUM_CLIPS, NUM_FRAMES, model.action_size)
    return clips, rng.normal(size=shape).astype(np.float32)


def _as_fit_takes_them(model):
    clips, actions = _inputs(model)
    return clips if actions is None else {"frames": clips, "actions": actions}


@pytest.fixture(scope="module", params=MODELS)
def models(request, tmp_path_factory):
    """A model, and the same out of its file."""
    model = MODELS[request.param]()
    if not isinstance(model, LinearGaussianModel):
        randomise_weights(model)
    path = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(path)
    return model, keras.models.load_model(path)


@pytest.fixture(scope="module")
def model(models):
    return models[1]


def test_futures_with_noise(model):
    clips, actions = _inputs(model)
    means, pixels = model.sample_futures(clips[:, :2], 4, 2, seed=1, actions=actions)
    assert pixels.shape == (2, NUM_CLIPS, 4, *model.frame_shape)
    assert pixels.dtype == means.dtype == tf.float32
    assert np.isfinite(pixels).all() and np.any(pixels != means)


def test_reconstructions(model):
    for forced in (True, False):
        if not forced and isinstance(model, LinearGaussianModel):
            continue  # does not write it
        frames = model.reconstruct(*_inputs(model), teacher_forced=forced)
        assert frames.shape == (NUM_CLIPS, NUM_FRAMES - 1, *model.frame_shape)
        assert frames.dtype == tf.float32 and np.isfinite(frames).all()


def test_likelihood_of_frames(model):
    inputs = _as_fit_takes_them(model)
    scores = model.frame_log_likelihood(inputs, 2, seed=3, batch_size=NUM_CLIPS)
    assert scores.shape == (NUM_CLIPS, NUM_FRAMES - model.first_scored_frame)
    bound = model.log_likelihood(inputs, 2, seed=3, batch_size=NUM_CLIPS)
    # float32 sums of some hundred pixels.
    np.testing.assert_allclose(tf.reduce_sum(scores, 1), bound, rtol=1e-5, atol=1e-2)


def test_rates_and_posterior_likelihood(models):
    residuals = []
    for model in models:
        inputs = _as_fit_takes_them(model)
        likelihood, target = model.posterior_likelihood(inputs, seed=2)
        frames = _inputs(model)[0][:, model.first_scored_frame :]
        np.testing.assert_allclose(target, frames / 255.0, atol=1e-6)
        residuals.append(target - likelihood.mean())
        assert likelihood.stddev().shape == target.shape
        rates = model.latent_rates(inputs)
        assert rates.shape[:2] == target.shape[:2]
        assert 0 < active_units(rates) <= rates.shape[2]
    np.testing.assert_array_equal(*residuals)
