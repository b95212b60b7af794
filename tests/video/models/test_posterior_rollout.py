"""Reconstruction on the model's own predictions, against a naive loop."""

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from naive_svg_lp import NaiveSVGLP
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.video import SVGLP


def _inputs(model, num_frames):
    clips = random_clips(2, num_frames, model.frame_shape)
    if not model.action_size:
        return clips, None
    rng = np.random.default_rng(1)
    shape = (2, num_frames + 1, model.action_size)  # one more than needed
    return clips, rng.normal(size=shape).astype(np.float32)


@pytest.fixture(
    scope="module",
    params=[
        {},
        {"num_context": 1, "prior": "standard_normal", "posterior_residual": True},
        {"num_context": 3, "action_size": 2},
    ],
)
def model(request):
    return randomise_weights(tiny_model(**request.param))


def test_own_predictions_after_the_context_as_in_a_naive_loop(model):
    clips, actions = _inputs(model, 7)
    ours = model.reconstruct(clips, actions, teacher_forced=False)
    naive = NaiveSVGLP(model)
    expected = naive.posterior_rollout(clips / 255.0, actions)
    # The tolerance of float32 against float64 through 7 steps of the networks.
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    # Alike as far as true frames are fed, and no further.
    forced = model.reconstruct(clips, actions)
    num_alike = model.num_context
    np.testing.assert_allclose(ours[:, :num_alike], forced[:, :num_alike], atol=1e-5)
    assert np.abs(ours - forced)[:, num_alike].max() > 1e-3


def test_a_longer_context_is_fed_as_a_prediction_is_given_it(model):
    clips, actions = _inputs(model, 7)
    given = model.num_context + 2
    ours = model.reconstruct(clips, actions, False, num_context=given)
    naive = NaiveSVGLP(model)
    expected = naive.posterior_rollout(clips / 255.0, actions, given)
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    with pytest.raises(ValueError, match=f"`num_context`.*{model.num_context}"):
        model.reconstruct(clips, actions, False, num_context=model.num_context - 1)
    with pytest.raises(ValueError, match="T >= 8"):
        model.reconstruct(clips, actions, False, num_context=7)


def test_the_shortest_clip_is_one_frame_beyond_the_context(model):
    clips, actions = _inputs(model, model.num_context + 1)
    ours = model.reconstruct(clips, actions, teacher_forced=False)
    forced = model.reconstruct(clips, actions)
    np.testing.assert_allclose(ours, forced, atol=1e-5)


def test_one_graph_for_all_clips():
    model = randomise_weights(tiny_model())
    for num_clips, num_frames in ((1, 3), (2, 5), (3, 4)):
        clips = random_clips(num_clips, num_frames)
        for forced in (True, False):
            frames = model.reconstruct(clips, teacher_forced=forced)
            assert frames.shape == (num_clips, num_frames - 1, 8, 8, 3)
        # The compiled graph gives what the model gives.
        np.testing.assert_allclose(model.reconstruct(clips), model(clips), atol=1e-6)
    for graph in (model._reconstruct, model._posterior_rollout):
        assert graph.experimental_get_tracing_count() == 1


def test_wrong_clips_are_refused(model):
    for forced in (True, False):
        with pytest.raises(ValueError, match="T >= "):
            model.reconstruct(random_clips(1, 1), teacher_forced=forced)
        with pytest.raises(ValueError, match="`actions`|takes no `actions`"):
            actions = None if model.action_size else np.zeros([2, 7, 2])
            model.reconstruct(random_clips(2, 7), actions, teacher_forced=forced)


def test_clips_come_as_fit_takes_them_too():
    model = randomise_weights(tiny_model(action_size=2))
    clips, actions = _inputs(model, 4)
    joined = {"frames": clips, "actions": actions}
    np.testing.assert_array_equal(
        model.reconstruct(joined), model.reconstruct(clips, actions)
    )
    with pytest.raises(ValueError, match="given twice"):
        model.reconstruct(joined, actions)
    with pytest.raises(ValueError, match='dict with "frames"'):
        model.reconstruct({"clips": clips})


@pytest.mark.parametrize("forced", ["yes", 0.5, np.nan])
def test_teacher_forcing_is_yes_or_no(forced):
    with pytest.raises(TypeError, match="`teacher_forced` must be True, False or None"):
        tiny_model().reconstruct(random_clips(), teacher_forced=forced)


def test_half_precision_stays_near():
    model = randomise_weights(tiny_model())
    half = tiny_model(dtype="mixed_bfloat16")
    half.set_weights(model.get_weights())
    clips = random_clips()
    ours = half.reconstruct(clips, teacher_forced=False)
    assert ours.dtype == tf.float32
    expected = model.reconstruct(clips, teacher_forced=False)
    np.testing.assert_allclose(ours, expected, atol=0.1)


def test_a_model_that_does_not_write_it_says_so():
    with pytest.raises(NotImplementedError, match="DriftingModel.*posterior_rollout"):
        DriftingModel((8, 8, 3)).reconstruct(random_clips(), teacher_forced=False)
    assert "posterior_rollout" in vars(SVGLP)
