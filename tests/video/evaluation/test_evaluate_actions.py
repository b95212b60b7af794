"""Scores under the true actions, those of other clips, and none."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.video import evaluate_actions

NUM_CLIPS, NUM_STEPS = 5, 4
RNG = np.random.default_rng(0)


class Obedient:
    """Predicts frames as bright as the actions so far say, with a known error."""

    num_context = 2
    action_size = 1

    def __init__(self):
        self.calls = []

    def predict_frames(
        self, context, num_frames, num_samples, seed, actions=None, clip_numbers=None
    ):
        self.calls.append((tuple(clip_numbers), seed, actions))
        bright = 0.3 + np.cumsum(actions[:, 1:, 0], 1)[None, ..., None, None, None]
        errors = 0.01 * np.arange(1, num_samples + 1).reshape(-1, 1, 1, 1, 1, 1)
        return tf.constant(bright + errors + np.zeros([1, 1, 1, 4, 4, 3]), tf.float32)


ACTIONS = RNG.uniform(0.02, 0.1, [NUM_CLIPS, NUM_STEPS, 1]).astype(np.float32)
TRUTH = np.broadcast_to(
    (0.3 + np.cumsum(ACTIONS[:, 1:], 1))[..., None, None], [NUM_CLIPS, 3, 4, 4, 3]
)
CLIPS = np.concatenate([np.full([NUM_CLIPS, 2, 4, 4, 3], 0.3), TRUTH], 1)
CLIPS = CLIPS.astype(np.float32)


def decibels(difference):
    """Time-averaged PSNR of frames that differ by one number each, `[..., T]`."""
    return np.mean(-20 * np.log10(np.abs(difference)), -1)


def of_kind(taken):
    """mean, best and mean_prediction, `[B]` each."""
    wrong = np.cumsum(taken[:, 1:, 0] - ACTIONS[:, 1:, 0], 1)
    drawn = np.stack([decibels(wrong + 0.01), decibels(wrong + 0.02)])
    average = decibels(wrong + 0.015)
    return {
        "mean": drawn.mean(0),
        "best": drawn.max(0),
        "mean_prediction": average,
    }


def test_scores_equal_plain_numpy():
    model = Obedient()
    scores = evaluate_actions(model, CLIPS, ACTIONS, num_samples=2, seed=3)
    given = dict(zip(scores["psnr"], (call[2] for call in model.calls), strict=True))
    assert list(given) == ["true", "shuffled", "zeros"]
    np.testing.assert_array_equal(given["true"], ACTIONS)
    np.testing.assert_array_equal(given["zeros"][:, 1:], 0)
    # Each clip is given the actions of one other, and keeps those of its context.
    owners = [
        [bool(np.array_equal(row[1:], own[1:])) for own in ACTIONS]
        for row in given["shuffled"]
    ]
    assert np.sum(owners) == NUM_CLIPS and not np.any(np.diag(owners))
    assert np.all(np.sum(owners, 0) == 1)
    for taken in given.values():
        np.testing.assert_array_equal(taken[:, 0], ACTIONS[:, 0])
    expected = {kind: of_kind(taken) for kind, taken in given.items()}
    for kind, values in expected.items():
        for name, value in values.items():
            # Rounded to four digits; float32 pixels.
            assert scores["psnr"][kind][name] == pytest.approx(value.mean(), abs=1e-2)
            if kind == "true":
                continue
            gain = expected["true"][name] - value
            error = np.std(gain, ddof=1) / np.sqrt(NUM_CLIPS)
            assert scores["gain"][kind][name] == pytest.approx(gain.mean(), abs=1e-2)
            assert scores["gain_error"][kind][name] == pytest.approx(error, abs=1e-2)
    assert scores["gain"]["shuffled"]["mean"] > 0


def test_calls_split_the_clips():
    whole, split = Obedient(), Obedient()
    expected = evaluate_actions(whole, CLIPS, ACTIONS, num_samples=2, seed=3)
    scores = evaluate_actions(split, CLIPS, ACTIONS, None, 2, 3, clips_per_call=2)
    assert scores == expected
    # Noise belongs to a clip's number, and is the same whatever the actions.
    assert [call[0] for call in split.calls] == 3 * [(0, 1), (2, 3), (4,)]
    assert {call[1] for call in split.calls} == {3}


def test_what_cannot_be_exchanged_is_refused():
    with pytest.raises(ValueError, match=r"at least 2, got \(1, 5, 4, 4, 3\)"):
        evaluate_actions(Obedient(), CLIPS[:1], ACTIONS[:1])
    with pytest.raises(ValueError, match="same number"):
        evaluate_actions(Obedient(), CLIPS, ACTIONS[:3])
    deaf = Obedient()
    deaf.action_size = 0
    with pytest.raises(ValueError, match="takes no actions"):
        evaluate_actions(deaf, CLIPS, ACTIONS)
