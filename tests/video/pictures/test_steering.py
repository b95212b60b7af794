"""One past under several sequences of actions."""

import numpy as np
import pytest
from PIL import Image
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.video import steered_rows, write_steered

SHAPE = (16, 16, 3)
CLIPS = random_clips(num_clips=2, num_frames=3, frame_shape=SHAPE)
RNG = np.random.default_rng(0)
ACTIONS = RNG.normal(size=[2, 3, 3]).astype(np.float32)
PLANS = {"wave": RNG.normal(size=[4, 3]).astype(np.float32), "push": np.ones([2, 3])}


@pytest.fixture(scope="module")
def model():
    return randomise_weights(tiny_model(frame_shape=SHAPE, action_size=3))


def test_columns_are_plans_and_rows_are_samples(model):
    rows = steered_rows(model, CLIPS, PLANS, 4, 2, seed=5, actions=ACTIONS)
    labels = [f"clip {i}, sample {j}" for i in range(2) for j in (1, 2)]
    assert [row.label for row in rows] == labels
    assert {row.clips.shape for row in rows} == {(2, 6, *SHAPE)}
    pixels = CLIPS / np.float32(255)
    held = {"wave": PLANS["wave"], "push": np.ones([4, 3])}
    for column, plan in enumerate(held.values()):
        # The action of frame 0 is the clip's own, that of frame 1 the plan's first.
        taken = np.stack([np.concatenate([own[:1], plan]) for own in ACTIONS])
        frames = model.predict_frames(CLIPS[:, :2], 4, 2, 5, taken).numpy()
        for number, row in enumerate(rows):
            clip, sample = divmod(number, 2)
            np.testing.assert_array_equal(row.clips[column, :2], pixels[clip, :2])
            np.testing.assert_array_equal(row.clips[column, 2:], frames[sample, clip])
    assert np.abs(rows[0].clips[0] - rows[0].clips[1]).max() > 1e-3


def test_actions_before_the_future_are_zero_unless_given(model):
    (row,) = steered_rows(model, CLIPS[:1], PLANS, 4, num_samples=1)
    assert row.label == "sample 1"
    zeros = np.zeros([1, 1, 3])
    (same,) = steered_rows(model, CLIPS[:1], PLANS, 4, 1, actions=zeros)
    np.testing.assert_array_equal(row.clips, same.clips)


def test_files_are_written(model, tmp_path):
    animation, strip = write_steered(model, CLIPS[:1], PLANS, tmp_path, 4, scale=1)
    assert animation == tmp_path / "steered.gif" and strip == tmp_path / "steered.png"
    with Image.open(animation) as picture:
        assert picture.n_frames == 6
    assert strip.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "plans, message",
    [
        ({}, "at least one"),
        ({"long": np.zeros([5, 3])}, r"'long'.*\[1 to 4 .*, 3\], got \(5, 3\)"),
        ({"none": np.zeros([0, 3])}, r"'none'.*got \(0, 3\)"),
        ({"size": np.zeros([4, 2])}, r"'size'.*got \(4, 2\)"),
        ({"flat": np.zeros([4])}, r"'flat'.*got \(4,\)"),
    ],
)
def test_other_plans_are_refused(model, plans, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_steered(model, CLIPS, plans, tmp_path / "new", 4)
    assert not (tmp_path / "new").exists()


def test_a_model_without_actions_is_refused():
    with pytest.raises(ValueError, match="takes no actions"):
        steered_rows(tiny_model(frame_shape=SHAPE), CLIPS, PLANS, 4)
