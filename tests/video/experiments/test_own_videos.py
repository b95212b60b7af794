"""Options for videos of one's own: what is found decides, and the reasons are told."""

import numpy as np
import pytest

from tfsigmavae.video import (
    VideoExperiment,
    convert_clips,
    own_recipe,
    write_animation,
)
from tfsigmavae_video.experiments import own_videos
from tfsigmavae_video.networks.frame_networks import stage_widths

FPS = 30


def write(folder, names, num_frames=60, size=(48, 64), channels=3, fps=FPS):
    frames = np.zeros([num_frames, *size, channels], np.uint8)  # quick to encode
    folder.mkdir(exist_ok=True)
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


def test_what_fits_is_decoded_once(tmp_path, monkeypatch):
    write(tmp_path, ["a.npy", "b.npy"])
    recipe = own_recipe(tmp_path)
    assert recipe.options["cache"] == "memory"
    assert "about 1 MB" in " ".join(recipe.reasons)  # 2 * 60 * 48 * 48 * 3
    monkeypatch.setattr(own_videos, "_MOST_CACHED", 8e5)
    recipe = own_recipe(tmp_path)
    assert recipe.options["cache"] is None
    assert "tfsigmavae data convert" in " ".join(recipe.reasons)


def test_actions_lead_from_each_frame_to_the_next(tmp_path):
    write(tmp_path, ["a.mp4"], fps=30)
    options = own_recipe(tmp_path, use_actions=True).options
    assert options["use_actions"] is True and "stride" not in options["data_options"]


def test_converted_videos_are_taken_as_they_are(tmp_path):
    write(tmp_path / "in", ["a.npy", "b.npy"], size=(16, 24))
    shape = (16, 24, 3)
    convert_clips(tmp_path / "in", tmp_path / "out", num_frames=20, frame_shape=shape)
    assert own_videos.is_own(tmp_path / "out")
    options = own_recipe(tmp_path / "out").options
    assert options["frame_shape"] == shape
    assert (options["num_context"], options["eval_frames"]) == (5, 15)
    experiment = VideoExperiment(**options)
    experiment.check_data()
    assert len(experiment.train_clips) == 3 and len(experiment.test_clips) == 3


def test_videos_of_several_rates_are_taken_by_their_times(tmp_path):
    write(tmp_path, ["a.mp4", "b.mp4"], num_frames=60, fps=60)
    write(tmp_path, ["c.mp4"], num_frames=60, fps=30)
    recipe = own_recipe(tmp_path)
    # One second is the shortest: 15 frames of it are enough for 5 + 10.
    assert recipe.options["data_options"] == {"fps": 15.0}
    experiment = VideoExperiment(**recipe.options)
    experiment.check_data()
    lengths = [*experiment.train_clips.num_frames, *experiment.test_clips.num_frames]
    assert sorted(lengths) == [15, 15, 30]


def test_reasons_are_of_the_options(tmp_path):
    recipe = own_recipe(write(tmp_path, ["a.mp4"], num_frames=240, fps=30))
    names = {name for names in recipe.reasons.values() for name in names}
    known = recipe.options.keys() | recipe.options["data_options"].keys()
    assert names <= known | {"fps", "stride"}
    given = {"fps": 5.0, "num_frames": 8}
    converted = own_videos.own_conversion(tmp_path, given, size=(16, 24))
    assert converted.options["fps"] == 5.0 and "stride" not in converted.options
    assert converted.options["frame_shape"] == (16, 24, 3)
    assert not converted.reasons  # nothing of the choice is left
