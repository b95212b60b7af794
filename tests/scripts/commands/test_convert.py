"""The command that converts videos, as people call it."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fresh_process import environment
from tfsigmavae_commands import console
from tfsigmavae_commands.convert import main

from tfsigmavae_video.data import load_clips
from tfsigmavae_video.data.conversion import plan

SMALL = ["--frame-size", "8", "--num-frames", "4"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Six films of ten frames, and a table of actions for each."""
    root = tmp_path_factory.mktemp("data") / "films"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        frames = rng.integers(0, 256, [10, 12, 16, 3], np.uint8)
        np.savez(root / f"{number}.npz", film=frames)
        np.savetxt(root / f"{number}.csv", rng.normal(size=[10, 2]), delimiter=",")
    return root


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def answer(*arguments):
        assert main(list(map(str, arguments))) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out.splitlines()[-1]), captured.err

    return answer


def clips_of(folder, split="train", frame_shape=(8, 8, 3), **options):
    source = load_clips(folder, split, frame_shape=frame_shape, **options)
    return [
        source(number, 0, int(source.num_frames[0])) for number in range(len(source))
    ]


def test_one_command_makes_a_data_set(videos, tmp_path, call):
    summary, errors = call("--data", videos, "--output", "sub/mine", *SMALL)
    assert summary.pop("seconds") >= 0
    clips = {split: len(clips_of("sub/mine", split)) for split in ("train", "test")}
    assert sum(clips.values()) == 12 and min(clips.values()) > 0
    assert summary == {"path": "sub/mine"} | {
        split: {
            "clips": clips[split],
            "frames": 4 * clips[split],
            "files": 1,
            "rest_frames": clips[split],
            "skipped": 0,
        }
        for split in clips
    }
    assert f"train: {clips['train']} clips of 4 frames in 1 files" in errors
    again, errors = call("--data", videos, "--output", "sub/mine", *SMALL)
    again.pop("seconds")
    assert again == summary and "'sub/mine' is complete" in errors


@pytest.mark.parametrize(
    "flags, options",
    [
        (["--fit", "stretch"], {"fit": "stretch"}),
        (["--stride", "2"], {"stride": 2}),
        (["--channels", "1"], {"frame_shape": (8, 8, 1)}),
        (["--data-options", "test_share=0.5"], {"test_share": 0.5}),
        (["--use-actions"], {"with_actions": True}),
    ],
    ids=str,
)
def test_flags_are_the_options_of_load_clips(videos, call, flags, options):
    call("--data", videos, "--output", "out", *SMALL, "--splits", "train", *flags)
    source = load_clips(videos, **({"frame_shape": (8, 8, 3)} | options))
    records = load_clips(
        "out",
        frame_shape=source.fields["frames"][0],
        with_actions="with_actions" in options,
    )
    starts = [
        (n, s) for n, t in enumerate(source.num_frames) for s in range(0, t - 3, 4)
    ]
    assert len(records) == len(starts)
    for number, (clip, start) in enumerate(starts):
        wanted, found = source(clip, start, 4), records(number, 0, 4)
        assert found.keys() == wanted.keys()
        for field in wanted:
            np.testing.assert_array_equal(found[field], wanted[field])


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--fit", "zoom"], "error: .*'zoom'.*crop"),
        (["--data-options", "colour=1"], "error: Unknown option 'colour' .*Allowed"),
        (["--num-frames", "11"], "error: .*11 are needed .`min_frames`"),
        (["--splits", "val"], "error: Unknown split 'val'"),
    ],
    ids=str,
)
def test_mistakes_are_one_line_and_leave_nothing(videos, tmp_path, call, flags, words):
    arguments = ["--data", videos, "--output", "out", *SMALL, *flags]
    with pytest.raises(SystemExit, match=words) as exit:
        console.run(lambda: call(*arguments))
    assert "\n" not in str(exit.value)
    assert not any(tmp_path.iterdir())


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
from tfsigmavae_video.data.conversion import plan
from tfsigmavae_video.data.folder import VideoFolder
plan._SMALLEST_SHARD = 1
read = VideoFolder.read_arrays

def slowly(self, *chosen):
    time.sleep(0.2)
    return read(self, *chosen)

VideoFolder.read_arrays = slowly
from tfsigmavae_commands import console, convert
console.run(lambda: convert.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_killed_and_interrupted_it_goes_on_to_the_same_files(
    videos, tmp_path, call, monkeypatch
):
    """Kill -9, then Ctrl-C, then to the end by another number of workers."""
    flags = ["--data", str(videos), *SMALL, "--output"]
    command = [sys.executable, "-c", SLOW, *flags, "out"]
    for number, how in enumerate((signal.SIGKILL, signal.SIGINT), start=1):
        process = subprocess.Popen(
            [*command, "--workers", "1"],
            env=environment(),
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _wait_for(tmp_path / "out.partial" / "done", 2 * number, process)
            process.send_signal(how)
            errors = process.communicate(timeout=300)[1]
        finally:
            process.kill()
        assert "Traceback" not in errors
        assert not (tmp_path / "out").exists()
    assert process.returncode == 130
    assert "Interrupted; the same command goes on" in errors
    monkeypatch.setattr(plan, "_SMALLEST_SHARD", 1)
    _, errors = call(*flags, "out", "--workers", 3)
    assert "Going on with 'out.partial'" in errors
    call(*flags, "whole")
    files = [_contents(tmp_path / name) for name in ("out", "whole")]
    assert files[0] == files[1] and len(files[0]) == 12 + 1
    assert sorted(os.listdir(tmp_path)) == ["out", "whole"]


def _wait_for(folder, number, process):
    """Until `number` notes are there."""
    deadline = time.monotonic() + 300
    while len(list(folder.rglob("*.json"))) < number:
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _contents(folder):
    files = (path for path in pathlib.Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
