"""Options for videos of one's own: what is found decides, and the reasons are told."""

import numpy as np
import pytest

from tfsigmavae.video import VideoExperiment, own_recipe, write_animation
from tfsigmavae_video.experiments import own_videos
from tfsigmavae_video.networks.frame_networks import stage_widths

FPS = 30


def write(folder, names, num_frames=60, size=(48, 64), channels=3, fps=FPS):
    frames = np.zeros([num_frames, *size, channels], np.uint8)  # quick to encode
    for name in names:
        if name.endswith(".npy"):
            np.save(folder / name, frames)
        else:
            write_animation(folder / name, frames, fps)
    return folder


# What is there -> options that follow, and a word of the reasons.
FOUND = {
    "wide": (
        dict(size=(28, 48), fps=10),
        dict(frame_shape=(24, 40, 3), num_context=5, num_frames=10, eval_frames=20),
        "wide",
    ),
    "tall": (dict(size=(96, 54), fps=10), dict(frame_shape=(80, 48, 3)), "48x80"),
    "square": (dict(size=(70, 80), fps=10), dict(frame_shape=(64, 64, 3)), "square"),
    "small": (dict(size=(20, 20), fps=10), dict(frame_shape=(16, 16, 3)), "16x16"),
    "10 per second": (dict(fps=10), dict(data_options={}), "Every frame"),
    "30 per second": (
        dict(fps=30),
        dict(data_options={"stride": 3}, num_context=5, num_frames=10, eval_frames=15),
        "One frame in 3 (10 of 30",
    ),
    "short": (
        dict(num_frames=20),
        dict(data_options={}, num_context=5, num_frames=10, eval_frames=15),
        "20 or more",
    ),
    "very short": (
        dict(num_frames=6),
        dict(num_context=2, num_frames=4, eval_frames=4),
        "6 or more",
    ),
    "long": (
        dict(num_frames=240, fps=10, size=(16, 16)),
        dict(data_options={"clip_frames": 50}),
        "Clips of 50 frames",
    ),
}


@pytest.mark.parametrize("found", FOUND)
def test_what_is_found_decides(found, tmp_path):
    given, wanted, word = FOUND[found]
    recipe = own_recipe(write(tmp_path, ["a.mp4"], **given))
    for name, value in wanted.items():
        assert recipe.options[name] == value, name
    assert word in " ".join(recipe.reasons)
    VideoExperiment(**recipe.options)  # all of them are options of an experiment


def test_arrays_have_no_times_and_may_be_grey(tmp_path):
    write(tmp_path, ["a.npy", "b.npy"], channels=1)
    recipe = own_recipe(tmp_path)
    assert recipe.options["frame_shape"] == (48, 48, 1)
    assert recipe.options["data_options"] == {}
    assert "not all videos tell how long" in " ".join(recipe.reasons)


@pytest.mark.parametrize("kind", ["wide", "tall", "square"])
@pytest.mark.parametrize("side", range(16, 90, 7))
def test_every_size_chosen_fits_the_network(kind, side):
    long = side if kind == "square" else 2 * side
    stored = (long, side) if kind == "tall" else (side, long)
    shape, _ = own_videos._frame_shape([((*stored, 3), 60, 10.0)])
    assert stage_widths(shape, 4)
    assert min(shape[:2]) <= side


def test_no_videos_or_none_that_can_be_read_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="holds no videos"):
        own_recipe(tmp_path)
    write(tmp_path, ["a.mp4"], num_frames=2)
    (tmp_path / "b.mp4").write_bytes(b"words")
    with pytest.raises(ValueError, match="no video of 4 frames.*b.mp4"):
        own_recipe(tmp_path)
