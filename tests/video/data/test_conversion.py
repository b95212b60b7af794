"""What is converted reads back as the source itself gives it, whatever happens."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.files import read_json
from tfsigmavae_video.data import ArrayClipSource, convert_clips, load_clips
from tfsigmavae_video.data.conversion import plan, shard_writer
from tfsigmavae_video.data.conversion.state_folder import StateFolder
from tfsigmavae_video.data.softmotion import find_files, write_shards

SHAPE = (4, 6, 3)
LENGTHS = (7, 3, 10, 2, 9, 4)


class Clips(ArrayClipSource):
    """Random clips, one a file; `broken` holds (number, frame) that cannot be read."""

    def __init__(self, files, broken=(), action_size=0, shape=SHAPE):
        self.broken, self.reads = set(broken), []
        self.clips = [np.load(file) for file in files]
        fields = {"frames": (shape, tf.uint8)}
        if action_size:
            fields["actions"] = ([action_size], tf.float32)
        lengths = [len(clip) for clip in self.clips]
        super().__init__(lengths, fields, files, view={}, name="toys")

    def actions(self, number, start, num_frames):
        times = np.arange(start, start + num_frames, dtype=np.float32)[:, None]
        (size,), _ = self.fields["actions"]
        return 100 * number + times + np.arange(size, dtype=np.float32) / 10

    def read_arrays(self, number, start, num_frames):
        self.reads.append((number, start, num_frames))
        for time in range(start, start + num_frames):
            if (number, time) in self.broken:
                raise ValueError(f"'toys' is damaged at frame {time}.")
        clip = {"frames": self.clips[number][start : start + num_frames]}
        if "actions" in self.fields:
            clip["actions"] = self.actions(number, start, num_frames)
        return clip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toys")
    rng = np.random.default_rng(0)
    for number, length in enumerate(LENGTHS):
        frames = rng.integers(0, 256, [length, *SHAPE], np.uint8)
        np.save(folder / f"{number}.npy", frames)
    return sorted(folder.glob("*.npy"))


@pytest.fixture
def small_shards(monkeypatch):
    """Files of two pieces."""
    monkeypatch.setattr(plan, "_SMALLEST_SHARD", 2)
    monkeypatch.setattr(plan, "_LARGEST_SHARD", 2)


@pytest.fixture
def sources(files):
    return {"train": Clips(files), "test": Clips(files[2:4])}


def expected(source, num_frames, without=()):
    """The pieces in order, cut from the whole clips."""
    return [
        source.clips[number][start : start + num_frames]
        for number, length in enumerate(source.num_frames)
        for start in range(0, length - num_frames + 1, num_frames)
        if (number, start) not in without
    ]


def read_back(folder, split="train", **options):
    source = load_clips(folder, split, **({"frame_shape": SHAPE} | options))
    read = tf.function(lambda number: source(number, 0, int(source.num_frames[0])))
    return [read(tf.constant(number, tf.int64)) for number in range(len(source))]


def assert_frames(clips, wanted):
    assert len(clips) == len(wanted)
    for clip, frames in zip(clips, wanted, strict=True):
        np.testing.assert_array_equal(clip["frames"], frames)


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("num_frames", [1, 3, 4])
def test_pieces_are_those_of_the_source(sources, tmp_path, small_shards, num_frames):
    told = convert_clips(sources, tmp_path / "out", num_frames, progress=False)
    for split, source in sources.items():
        wanted = expected(source, num_frames)
        assert_frames(read_back(tmp_path / "out", split), wanted)
        assert told["splits"][split]["clips"] == len(wanted)
        assert told["splits"][split]["frames"] == num_frames * len(wanted)
        names = [file.name for file in find_files(tmp_path / "out", split)]
        assert told["splits"][split]["files"] == len(names) == (len(wanted) + 1) // 2
        assert names[0] == "traj_0_to_1.tfrecords"
    assert told == read_json(tmp_path / "out" / "dataset.json")
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("dataset.json", "test", "train")
    }


def test_what_does_not_fill_a_piece_is_told(sources, tmp_path, capsys):
    told = convert_clips(sources, tmp_path / "out", 4)["splits"]["train"]
    # Of 7, 3, 10, 2, 9, 4 frames: 1 + 2 + 2 + 1 pieces, two clips too short.
    assert told["clips"] == 6
    assert told["rest_frames"] == 3 + 2 + 1
    assert told["skipped"] == {
        "clip 1": "has 3 frames of 4",
        "clip 3": "has 2 frames of 4",
    }
    lines = capsys.readouterr().err
    assert "train: 6 clips of 4 frames in 1 files; 6 frames at the ends" in lines
    assert "Left out (2," in lines and "clip 3: has 2 frames of 4" in lines


def test_actions_are_kept_with_their_size(files, tmp_path):
    source = Clips(files, action_size=5)
    told = convert_clips({"test": source}, tmp_path / "out", 3, splits="test")
    assert told["fields"] == {"frames": [*SHAPE], "actions": [5]}
    clips = read_back(tmp_path / "out", "test", with_actions=True)
    assert_frames(clips, expected(source, 3))
    actions = [
        source.actions(number, start, 3)
        for number, length in enumerate(LENGTHS)
        for start in range(0, length - 2, 3)
    ]
    np.testing.assert_array_equal([clip["actions"] for clip in clips], actions)
    assert not (tmp_path / "out" / "train").exists()


def test_records_are_cut_into_shorter_ones(tmp_path):
    """By path and options of `load_clips`, through TensorFlow's graph."""
    rng = np.random.default_rng(0)
    clips = [
        {
            "frames": rng.integers(0, 256, [7, *SHAPE], np.uint8),
            "positions": rng.normal(size=[7, 2]).astype("f4"),
        }
        for _ in range(3)
    ]
    write_shards(tmp_path / "in", "train", clips)
    write_shards(tmp_path / "in", "test", clips[:1])
    options = {"frame_shape": SHAPE, "with_positions": True}
    told = convert_clips(tmp_path / "in", tmp_path / "out", 3, **options)
    pieces = [(clip, start) for clip in clips for start in (0, 3)]
    back = read_back(tmp_path / "out", with_positions=True)
    assert_frames(back, [clip["frames"][s : s + 3] for clip, s in pieces])
    for piece, (clip, start) in zip(back, pieces, strict=True):
        wanted = clip["positions"][start : start + 3]
        np.testing.assert_array_equal(piece["positions"], wanted)
    assert told["splits"]["test"]["clips"] == 2 and told["is_held_out"] is True
    assert load_clips(tmp_path / "out", frame_shape=SHAPE).is_held_out
    assert told["options"]["frame_shape"] == [*SHAPE]


def test_a_damaged_record_is_left_out(tmp_path):
    clips = np.random.default_rng(0).integers(0, 256, [3, 6, *SHAPE], np.uint8)
    write_shards(tmp_path / "in", "train", clips)
    (file,) = find_files(tmp_path / "in")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    told = convert_clips(
        file, tmp_path / "out", 3, splits=["train"], frame_shape=SHAPE, progress=False
    )
    assert_frames(
        read_back(tmp_path / "out"),
        [c[s : s + 3] for c in clips[[0, 2]] for s in (0, 3)],
    )
    (reason,) = told["splits"]["train"]["skipped"].values()
    assert reason.startswith(f"record 1 of {file}") and "checksum" in reason


def test_one_file_is_not_held_out_after_conversion_either(sources, tmp_path):
    clips = np.zeros([2, 6, *SHAPE], np.uint8)
    write_shards(tmp_path / "in", "train", clips)
    (file,) = find_files(tmp_path / "in")
    told = convert_clips(file, tmp_path / "out", 3, frame_shape=SHAPE)
    assert told["splits"]["train"] == told["splits"]["test"]
    assert told["is_held_out"] is False
    assert not load_clips(tmp_path / "out", "test", frame_shape=SHAPE).is_held_out


@pytest.mark.parametrize("workers, size", [(1, 16), (3, 2)])
def test_unreadable_pieces_are_left_out_named_and_counted(
    files, tmp_path, monkeypatch, workers, size
):
    """Whether or not they are read at once with good ones."""
    monkeypatch.setattr(plan, "_SMALLEST_SHARD", size)
    source = Clips(files, broken=[(2, 4), (2, 5), (2, 6), (4, 8), (5, 0)])
    told = convert_clips({"train": source}, tmp_path / "out", 3, ["train"], workers)
    without = {(2, 3), (2, 6), (4, 6), (5, 0)}
    assert_frames(read_back(tmp_path / "out"), expected(source, 3, without))
    told = told["splits"]["train"]
    assert told["clips"] == 10 - 4
    assert told["skipped"] == {
        "clip 3": "has 2 frames of 3",
        "clip 2": "'toys' is damaged at frame 4. (2 clips left out)",
        "clip 4": "'toys' is damaged at frame 8. (1 clips left out)",
        "clip 5": "'toys' is damaged at frame 0. (1 clips left out)",
    }


def test_a_file_without_a_readable_piece_is_not_written(files, tmp_path, small_shards):
    source = Clips(files, broken=[(0, 0), (0, 3)])
    convert_clips({"train": source}, tmp_path / "out", 3, ["train"])
    names = [file.name for file in find_files(tmp_path / "out")]
    # The boundaries are those of an undamaged set.
    assert names[0] == "traj_2_to_3.tfrecords"
    assert_frames(read_back(tmp_path / "out"), expected(source, 3, {(0, 0), (0, 3)}))


def test_nothing_readable_is_an_error_and_no_data_set(files, tmp_path):
    source = Clips(files, broken=[(number, 0) for number in range(len(LENGTHS))])
    with pytest.raises(ValueError, match="No clip of 'train' can be read.*damaged"):
        convert_clips({"train": source}, tmp_path / "out", 10, ["train"])
    assert not (tmp_path / "out").exists()


def test_neighbours_are_read_at_once(files, tmp_path, monkeypatch):
    """A video is decoded on and on, but never more than a block of memory at once."""
    source = Clips(files)
    convert_clips({"train": source}, tmp_path / "one", 2, ["train"], workers=1)
    assert source.reads == [
        *[(0, 0, 6), (1, 0, 2), (2, 0, 10), (3, 0, 2), (4, 0, 8), (5, 0, 4)]
    ]
    source.reads.clear()
    monkeypatch.setattr(shard_writer, "_BLOCK_BYTES", 2 * 2 * 72)
    convert_clips({"train": source}, tmp_path / "two", 2, ["train"], workers=1)
    assert max(size for *_, size in source.reads) == 4
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


class _Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@pytest.mark.parametrize("step", range(12))
def test_killed_between_any_two_steps_it_ends_in_the_same_files(
    sources, tmp_path, small_shards, monkeypatch, step
):
    """The state on the disk after each renaming or deletion, then the same call."""
    convert_clips(sources, tmp_path / "whole", 3, workers=1, progress=False)
    left = [step]

    def dying(function):
        def call(*args, **kwargs):
            if left[0] == 0:
                raise _Killed
            left[0] -= 1
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying(os.replace))
        patch.setattr(shutil, "rmtree", dying(shutil.rmtree))
        with pytest.raises(_Killed):
            convert_clips(sources, tmp_path / "out", 3, workers=1, progress=False)
    assert not (tmp_path / "out").exists()
    convert_clips(sources, tmp_path / "out", 3, workers=3, progress=False)
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "whole"}


def test_what_is_done_is_not_read_again(files, tmp_path, small_shards, capsys):
    whole, source = Clips(files), Clips(files)
    convert_clips({"train": whole}, tmp_path / "whole", 3, ["train"], workers=1)
    read = source.read_arrays

    def until_third(number, start, num_frames):
        if len(source.reads) == 3:
            raise OSError("the disk is gone")
        return read(number, start, num_frames)

    source.read_arrays = until_third
    with pytest.raises(OSError, match="disk is gone"):
        convert_clips({"train": source}, tmp_path / "out", 3, ["train"], workers=1)
    source.read_arrays = read
    convert_clips({"train": source}, tmp_path / "out", 3, ["train"], workers=1)
    # One shard was under way.
    assert len(whole.reads) <= len(source.reads) <= len(whole.reads) + 2
    assert "Going on with" in capsys.readouterr().err
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


def test_a_complete_one_is_left_as_it_is(sources, tmp_path, capsys):
    first = convert_clips(sources, tmp_path / "out", 3)
    before = hashes(tmp_path / "out")
    for source in sources.values():
        source.reads.clear()
    assert convert_clips(sources, tmp_path / "out", 3) == first
    assert "is complete" in capsys.readouterr().err
    assert not sources["train"].reads and hashes(tmp_path / "out") == before


@pytest.mark.parametrize(
    "options, words",
    [
        ({"num_frames": 4}, "num_frames 3, and 4 is asked for"),
        ({"splits": ["train"]}, r"splits \['train', 'test'\], and \['train'\]"),
        ({"fit": "crop"}, "fit None, and 'crop' is asked for"),
    ],
)
def test_a_complete_one_with_other_options_is_refused(
    sources, tmp_path, options, words
):
    convert_clips(sources, tmp_path / "out", 3)
    with pytest.raises(FileExistsError, match=words):
        convert_clips(sources, tmp_path / "out", **({"num_frames": 3} | options))


def stopped(sources, folder):
    """An unfinished conversion."""
    source, read = sources["train"], sources["train"].read_arrays

    def broken(*chosen):
        raise OSError("gone")

    source.read_arrays = broken
    with pytest.raises(OSError, match="gone"):
        convert_clips(sources, folder, 3)
    source.read_arrays = read


def test_an_unfinished_one_with_other_options_is_refused(sources, tmp_path):
    stopped(sources, tmp_path / "out")
    with pytest.raises(FileExistsError, match="num_frames was 3 and is 2.*delete it"):
        convert_clips(sources, tmp_path / "out", 2)
    convert_clips(sources, tmp_path / "out", 3)


def test_data_that_changed_meanwhile_are_refused(files, tmp_path):
    mine = [shutil.copy(file, tmp_path) for file in files]
    stopped({"train": Clips(mine), "test": Clips(mine)}, tmp_path / "out")
    np.save(mine[0], np.load(mine[0])[:, ::-1])
    os.utime(mine[0], (1, 1))
    changed = {"train": Clips(mine), "test": Clips(mine)}
    with pytest.raises(FileExistsError, match="files changed.*delete it to begin"):
        convert_clips(changed, tmp_path / "out", 3)


def test_data_that_change_while_they_are_converted_are_an_error(files, tmp_path):
    """Else some clips would be old and some new, under the name of the old."""
    mine = [shutil.copy(file, tmp_path) for file in files]
    source = Clips(mine)
    read = source.read_arrays

    def changing(*chosen):
        os.utime(mine[-1], (1, 1))
        return read(*chosen)

    source.read_arrays = changing
    with pytest.raises(ValueError, match="changed while.*Delete '.*out.partial'"):
        convert_clips({"train": source}, tmp_path / "out", 3, "train", workers=1)
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileExistsError, match="files changed.*delete it to begin"):
        convert_clips({"train": Clips(mine)}, tmp_path / "out", 3, "train")
    shutil.rmtree(tmp_path / "out.partial")
    convert_clips({"train": Clips(mine)}, tmp_path / "out", 3, "train")


def test_data_that_are_gone_at_the_end_are_an_error(files, tmp_path):
    mine = [pathlib.Path(shutil.copy(file, tmp_path)) for file in files]
    source = Clips(mine)
    read = source.read_arrays

    def losing(*chosen):
        mine[-1].unlink(missing_ok=True)
        return read(*chosen)

    source.read_arrays = losing
    with pytest.raises(ValueError, match="changed while"):
        convert_clips({"train": source}, tmp_path / "out", 3, "train", workers=1)


def test_a_complete_one_whose_data_changed_since_is_told(files, tmp_path, capsys):
    mine = [shutil.copy(file, tmp_path) for file in files]
    made = convert_clips({"train": Clips(mine)}, tmp_path / "out", 3, "train")
    capsys.readouterr()
    os.utime(mine[0], (1, 1))
    assert convert_clips({"train": Clips(mine)}, tmp_path / "out", 3, "train") == made
    told = capsys.readouterr().err
    assert "is complete.\nThe data have changed since: to convert them anew" in told
    assert "another `output`, or delete" in told


def test_a_complete_one_outlives_its_data(tmp_path, capsys):
    clips = np.zeros([2, 6, *SHAPE], np.uint8)
    write_shards(tmp_path / "in", "train", clips)
    call = {"splits": "train", "frame_shape": SHAPE}
    made = convert_clips(tmp_path / "in", tmp_path / "out", 3, **call)
    assert convert_clips(tmp_path / "in", tmp_path / "out", 3, **call) == made
    assert "data" not in capsys.readouterr().err
    shutil.rmtree(tmp_path / "in")
    assert convert_clips(tmp_path / "in", tmp_path / "out", 3, **call) == made
    assert "data cannot be opened any more (There is no" in capsys.readouterr().err


def test_naming_a_default_changes_nothing(tmp_path):
    clips = np.zeros([2, 6, *SHAPE], np.uint8)
    write_shards(tmp_path / "in", "train", clips)
    call = {"splits": "train", "frame_shape": SHAPE}
    named = {**call, "camera": "image_aux1", "with_actions": False}
    for first, second in ((call, named), (named, call)):
        made = convert_clips(tmp_path / "in", tmp_path / "out", 3, **first)
        assert convert_clips(tmp_path / "in", tmp_path / "out", 3, **second) == made
        shutil.rmtree(tmp_path / "out")
    convert_clips(tmp_path / "in", tmp_path / "out", 3, **call)
    with pytest.raises(FileExistsError, match="camera 'image_aux1', and 'image_main'"):
        other = {**call, "camera": "image_main"}
        convert_clips(tmp_path / "in", tmp_path / "out", 3, **other)


@pytest.mark.parametrize("moment", ["__init__", "_lock"])
def test_one_that_another_process_completes_meanwhile_is_taken(
    sources, tmp_path, monkeypatch, moment
):
    """Between the look at `output` and the lock."""
    made, original = [], getattr(StateFolder, moment)

    def late(state, *args):
        if moment == "__init__":  # has looked at the partial folder already
            original(state, *args)
        monkeypatch.undo()
        made.append(convert_clips(sources, tmp_path / "out", 3))
        return None if moment == "__init__" else original(state, *args)

    monkeypatch.setattr(StateFolder, moment, late)
    assert convert_clips(sources, tmp_path / "out", 3) == made[0]
    assert os.listdir(tmp_path) == ["out"]
    monkeypatch.setattr(StateFolder, moment, late)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(FileExistsError, match="num_frames 3, and 2 is asked for"):
        convert_clips(sources, tmp_path / "out", 2)
    assert os.listdir(tmp_path) == ["out"]


def test_a_lock_that_went_with_its_folder_is_none(tmp_path, monkeypatch):
    """The other process ends between the opening of the file and the lock."""
    state, flock = StateFolder(tmp_path / "out", {}), fcntl.flock

    def late(lock, how):
        monkeypatch.undo()
        os.rename(state.path, tmp_path / "out")
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with state.locked():
        assert (state.path / ".lock").is_file()
        with pytest.raises(BlockingIOError):
            StateFolder(tmp_path / "out", {})._lock()


def test_a_name_that_is_taken_meanwhile_is_told(sources, tmp_path):
    source, read = sources["train"], sources["train"].read_arrays

    def taking(*chosen):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "holiday.jpg").touch()
        return read(*chosen)

    source.read_arrays = taking
    with pytest.raises(FileExistsError, match="something else meanwhile. Move it away"):
        convert_clips(sources, tmp_path / "out", 3)
    shutil.rmtree(tmp_path / "out")
    source.read_arrays = read
    source.reads.clear()
    convert_clips(sources, tmp_path / "out", 3)
    assert not source.reads and os.listdir(tmp_path) == ["out"]


def test_the_frame_rate_is_kept(files, tmp_path):
    """The median of the clips that are written; two are too short."""
    source = Clips(files)
    source.fps = np.array([10.0, 99.0, np.nan, 99.0, 30.0, 12.5])
    sources = {"train": source, "test": Clips(files)}
    told = convert_clips(sources, tmp_path / "out", 4)
    assert told["fps"] == {"train": 12.5, "test": None}
    back = [load_clips(tmp_path / "out", s, frame_shape=SHAPE) for s in sources]
    np.testing.assert_array_equal(back[0].fps, [12.5] * len(back[0]))
    assert back[1].fps is None
    again = convert_clips(tmp_path / "out", tmp_path / "more", 2, frame_shape=SHAPE)
    assert again["fps"] == told["fps"]


def test_two_at_once_are_refused(sources, tmp_path):
    state = StateFolder(tmp_path / "out", {})
    with state.locked(), pytest.raises(BlockingIOError, match="Another process"):
        with StateFolder(tmp_path / "out", {}).locked():
            pass


def test_foreign_folders_are_refused(sources, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "holiday.jpg").touch()
    with pytest.raises(FileExistsError, match="no converted data set"):
        convert_clips(sources, tmp_path / "out", 3)
    assert os.listdir(tmp_path) == ["out"]
    (tmp_path / "out" / "holiday.jpg").unlink()
    convert_clips(sources, tmp_path / "out", 3)  # an empty one is taken


@pytest.mark.parametrize(
    "options, words",
    [
        ({"num_frames": 0}, "`num_frames` must be"),
        ({"num_frames": 11}, "more than the 10 frames of the longest clip"),
        ({"workers": 0}, "`workers` must be"),
        ({"splits": "val"}, "Unknown split 'val'"),
        ({"splits": ["train", "train"]}, "name each split once"),
        ({"splits": []}, "name each split once"),
    ],
)
def test_wrong_arguments_are_early_errors(sources, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        convert_clips(sources, tmp_path / "out", **({"num_frames": 3} | options))
    assert not any(tmp_path.iterdir())


def test_fields_that_records_do_not_hold_are_an_early_error(files, tmp_path):
    source = Clips(files)
    source.fields["depth"] = ((4, 6, 1), tf.dtypes.float32)
    with pytest.raises(ValueError, match="Records hold.*depth"):
        convert_clips({"train": source}, tmp_path / "out", 3, ["train"])
    assert not any(tmp_path.iterdir())


def test_too_full_a_disk_is_an_early_error(sources, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ValueError, match="GB are free in"):
        convert_clips(sources, tmp_path / "out", 3)


@pytest.fixture
def python_handles_ctrl_c():
    """Shells have it ignored in what they start in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_workers_and_the_next_call_goes_on(
    sources, tmp_path, small_shards, python_handles_ctrl_c
):
    convert_clips(sources, tmp_path / "whole", 3)
    before = threading.active_count()
    source, read = sources["train"], sources["train"].read_arrays

    def interrupted(*chosen):
        if len(source.reads) == 2:
            signal.raise_signal(signal.SIGINT)
        return read(*chosen)

    source.reads.clear()
    source.read_arrays = interrupted
    with pytest.raises(KeyboardInterrupt):
        convert_clips(sources, tmp_path / "out", 3, workers=1)
    assert threading.active_count() == before
    source.read_arrays = read
    convert_clips(sources, tmp_path / "out", 3)
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")
