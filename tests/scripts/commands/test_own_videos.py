"""From a folder of videos to a picture of their future, by two commands."""

import importlib
import json
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfsigmavae_commands import video_flags

from tfsigmavae.pictures import write_png
from tfsigmavae.video import write_animation

SHAPE = (16, 16)
SMALL = "--model-options width=2 latent_size=2 code_size=4 hidden_size=4"
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


def moving_square(num_frames, offset):
    frames = np.full([num_frames, *SHAPE, 3], 40, np.uint8)
    for t, frame in enumerate(frames):
        x = (t + offset) % 12
        frame[4:8, x : x + 4] = 250, 200, 30
    return frames


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Every kind of video, of several lengths, and two files that are none."""
    folder = tmp_path_factory.mktemp("my") / "my_videos"
    for number, suffix in enumerate(("gif", "webp", "apng", "mp4")):
        frames = moving_square(9 + number, number)
        write_animation(folder / suffix / f"clip {number}.{suffix}", frames, fps=10)
    for t, frame in enumerate(moving_square(9, 4)):
        write_png(folder / "pictures" / f"frame_{t}.png", frame)
    np.save(folder / "array.npy", moving_square(9, 5))
    np.savez(folder / "arrays.npz", a=moving_square(9, 6), b=moving_square(12, 7))
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("words")
    return folder


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)  # so small a model is slower to trace

    def main(name, *arguments):
        module = importlib.import_module(f"tfsigmavae_commands.{name}")
        assert not module.main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return json.loads(captured.out.splitlines()[-1]), captured.err

    yield main
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def flags_of():
    return lambda *argv: video_flags.parse(list(map(str, argv)), "")


def test_two_commands_from_videos_to_their_future(videos, call, tmp_path):
    run = tmp_path / "runs" / "mine"
    steps = "--steps 3 --batch-size 2 --num-samples 2"
    summary, told = call(
        *("train_video", "--data", videos, "--output", run),
        *SMALL.split(),
        *steps.split(),
    )
    assert "--preset own" in told and "Frames of 16x16 pixels" in told
    assert "broken.mp4" in told
    assert summary["held_out"] is True and summary["steps"] == 3
    config = json.loads((run / "config.json").read_text())
    assert config["frame_shape"] == [16, 16, 3]
    assert (config["num_context"], config["eval_frames"]) == (2, 7)
    for name in ("gif", "png", "report"):
        assert (tmp_path / summary[name]).is_file()
    video = videos / "gif" / "clip 0.gif"
    few = ("--num-samples", 2, "--num-frames", 3)
    drawn, _ = call("predict", "--model", run, "--data", video, *few)
    assert drawn["animation"].endswith("predictions/clip 0-predicted.gif")
    with Image.open(drawn["animation"]) as animation:
        assert animation.n_frames == 2 + 3
        assert animation.info["duration"] == 100  # as the video's
    drawn, _ = call("predict", "--model", run, "--data", videos, *few)
    assert drawn["animation"].endswith("predictions/prediction.gif")


def test_flags_win_over_what_is_found(videos, flags_of, capsys):
    found = flags_of("--data", videos, "--output", "o")
    assert found["preset"] == "own" and found["frame_shape"] == (16, 16, 3)
    assert found["model_options"]["network"] == "dcgan"
    flags = flags_of(
        *("--data", videos, "--output", "o", "--frame-size", "8x24", "--channels", 1),
        *("--num-context", 3, "--data-options", "fit=stretch", "stride=2"),
    )
    assert flags["frame_shape"] == (8, 24, 1) and flags["num_context"] == 3
    assert flags["data_options"] == {"fit": "stretch", "stride": 2}
    paper = flags_of("--preset", "bair", "--data", videos, "--output", "o")
    assert paper["steps"] == 180_000 and paper["frame_shape"] == (64, 64, 3)
    with pytest.raises(SystemExit):
        flags_of("--data", videos, "--output", "o", "--frame-size", "large")
    assert "HEIGHTxWIDTH" in capsys.readouterr().err


def test_help_looks_at_no_video(videos, flags_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "tfsigmavae_video.experiments", None)
    with pytest.raises(SystemExit):
        flags_of("--data", videos, "--help")


def test_a_dry_run_has_the_options_of_the_run(videos, flags_of):
    dry = flags_of("--data", videos, "--dry-run")
    assert dry | {"dry_run": False} == flags_of("--data", videos, "--output", "o") | {
        "output": None
    }
