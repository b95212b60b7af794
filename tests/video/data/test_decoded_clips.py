"""Decoded clips are the records', wherever they are kept, and never other ones."""

import collections
import gc
import itertools
import json
import math
import os
import shutil
import weakref

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video import VideoExperiment, dry_run, write_shards
from tfsigmavae_video.data import bair, decoded_clips, decoding

SHAPE = (11, 12, 3)
NUM_CLIPS, NUM_STORED, NUM_FRAMES = 7, 6, 4
SMALL = {"frame_shape": SHAPE, "num_frames": NUM_FRAMES, "batch_size": 3}


@pytest.fixture(autouse=True)
def several_batches(monkeypatch):
    monkeypatch.setattr(decoding, "_BATCH_SIZE", 2)
    monkeypatch.setattr(decoding, "_SECONDS_BETWEEN_NEWS", 0)


def write_noise(folder, num_clips=NUM_CLIPS, shape=SHAPE, seed=0):
    rng = np.random.default_rng(seed)
    clips = [
        {
            "frames": rng.integers(0, 256, [NUM_STORED, *shape], dtype=np.uint8),
            "actions": rng.normal(size=[NUM_STORED, 4]).astype(np.float32),
            "positions": rng.normal(size=[NUM_STORED, 3]).astype(np.float32),
        }
        for _ in range(num_clips)
    ]
    write_shards(folder, "train", clips, shard_size=3)
    return clips


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return folder, write_noise(folder)


@pytest.fixture
def root(clips, tmp_path):
    """A copy of the records that a test may change."""
    return shutil.copytree(clips[0], tmp_path / "records")


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("where", ["memory", "files"])
@pytest.mark.parametrize(
    "options, num_batches",
    [
        ({}, 3),
        ({"shuffle": True, "windows": "random", "seed": 3, "with_actions": True}, 3),
        (
            {
                "shuffle": True,
                "windows": "random",
                "repeat": True,
                "with_positions": True,
                "start_step": 4,
            },
            6,
        ),
        ({"drop_remainder": True, "start_step": 1, "camera": "image_main"}, 1),
    ],
    ids=["plain", "actions", "repeat", "dropped"],
)
@pytest.mark.filterwarnings("ignore:Published results")
def test_batches_are_those_without_a_cache(
    clips, tmp_path, where, options, num_batches
):
    root, _ = clips
    options = {**SMALL, **options}
    cache = "memory" if where == "memory" else tmp_path / "deep" / "cache"
    plain = bair.clips(root, **options)
    cached = bair.clips(root, **options, cache=cache)
    assert cached.element_spec == plain.element_spec
    assert cached.cardinality() == plain.cardinality()
    ours, theirs = list(cached.take(6)), list(plain.take(6))
    assert len(ours) == num_batches
    tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.parametrize("cache", [None, "memory", "files"])
def test_pixels_are_uint8_up_to_the_device(clips, tmp_path, cache):
    root, _ = clips
    cache = tmp_path if cache == "files" else cache
    options = {**SMALL, "repeat": True, "cache": cache}
    frames = tf.TensorSpec([3, NUM_FRAMES, *SHAPE], tf.uint8)
    assert bair.clips(root, **options).element_spec == frames
    assert bair.clips(root, **options, with_actions=True).element_spec == {
        "frames": frames,
        "actions": tf.TensorSpec([3, NUM_FRAMES, 4], tf.float32),
    }


def test_files_hold_the_clips_and_are_made_once(clips, tmp_path, monkeypatch, capfd):
    root, truth = clips
    options = {**SMALL, "with_actions": True, "with_positions": True, "cache": tmp_path}
    bair.clips(root, **options, windows="random")
    size = NUM_CLIPS * NUM_STORED * (math.prod(SHAPE) + 4 * 7)
    told = f"Decoding 7 clips ({size / 1e9:.3g} GB) to '{tmp_path}"
    errors = capfd.readouterr().err
    assert told in errors and "4 of 7 clips decoded" in errors
    assert listed(tmp_path) == ["train-image_aux1-6-actions-positions"]
    (folder,) = tmp_path.iterdir()
    for field in ("frames", "actions", "positions"):
        wanted = np.concatenate([clip[field] for clip in truth])
        stored = np.load(folder / f"{field}.npy")
        np.testing.assert_array_equal(stored, wanted)
        assert stored.dtype == wanted.dtype
    monkeypatch.setattr(decoding, "to_files", None)
    bair.clips(root, **options, windows="random")
    with pytest.raises(TypeError, match="not callable"):  # fewer frames are others
        bair.clips(root, **options)


def test_memory_is_shared_by_all_that_use_it(clips, monkeypatch):
    root, _ = clips
    train = bair.clips(root, **SMALL, cache="memory")
    monkeypatch.setattr(decoding, "to_memory", None)
    again = bair.clips(root, **SMALL, cache="memory", shuffle=True)
    assert len(list(again)) == len(list(train)) == 3
    with pytest.raises(TypeError, match="not callable"):
        bair.clips(root, **SMALL, cache="memory", with_actions=True)


def test_memory_is_freed_with_the_last_that_uses_it(clips):
    batches = iter(bair.clips(clips[0], **SMALL, cache="memory"))
    (decoded,) = decoded_clips.in_memory.values()
    frames = weakref.ref(decoded.fields["frames"])
    del decoded
    gc.collect()
    assert next(batches).shape == (3, NUM_FRAMES, *SHAPE) and frames() is not None
    del batches
    gc.collect()
    assert frames() is None and not decoded_clips.in_memory


def rewritten(root):
    shutil.rmtree(root / "train")
    write_noise(root, seed=1)


def touched(root):
    file = root / "train" / "traj_3_to_5.tfrecords"
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def fewer(root):
    (root / "train" / "traj_6_to_6.tfrecords").unlink()


@pytest.mark.parametrize("change", [rewritten, touched, fewer])
def test_files_of_other_records_are_refused(root, tmp_path, change):
    cache = tmp_path / "cache"
    bair.clips(root, **SMALL, cache=cache)
    change(root)
    with pytest.raises(ValueError, match="not decoded from these.*files.*Delete it"):
        bair.clips(root, **SMALL, cache=cache)
    # Memory is decoded again, without a word.
    (batch,) = bair.clips(root, **{**SMALL, "batch_size": 7}, cache="memory").take(1)
    (plain,) = bair.clips(root, **{**SMALL, "batch_size": 7}).take(1)
    np.testing.assert_array_equal(batch, plain)


def test_memory_of_other_records_is_not_used(root):
    kept = bair.clips(root, **SMALL, cache="memory")
    rewritten(root)
    renewed = bair.clips(root, **SMALL, cache="memory")
    for ours, theirs in zip(renewed, bair.clips(root, **SMALL), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert np.any(next(iter(kept)) != next(iter(renewed)))


def test_folder_of_something_else_is_refused(clips, tmp_path):
    (tmp_path / "train-image_aux1-4").mkdir()
    with pytest.raises(ValueError, match="train-image_aux1-4' was not decoded"):
        bair.clips(clips[0], **SMALL, cache=tmp_path)


@pytest.mark.parametrize("late", [False, True])
def test_file_that_was_cut_is_an_error(clips, tmp_path, late):
    def cut():
        file = tmp_path / "train-image_aux1-4" / "frames.npy"
        os.truncate(file, file.stat().st_size - 1)

    dataset = bair.clips(clips[0], **SMALL, cache=tmp_path)
    cut()
    if not late:
        with pytest.raises(ValueError):
            bair.clips(clips[0], **SMALL, cache=tmp_path)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="was cut"):
            list(dataset)


def test_a_bad_record_leaves_no_files(root, tmp_path):
    file = root / "train" / "traj_6_to_6.tfrecords"
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    cache = tmp_path / "cache"
    with pytest.raises(tf.errors.InvalidArgumentError, match="record 0 of.*traj_6"):
        bair.clips(root, **SMALL, cache=cache)
    assert listed(cache) == []


def test_two_that_make_the_same_files_agree(clips, tmp_path, monkeypatch, capfd):
    original = decoding._write_files

    def overtaken(*arguments):
        monkeypatch.setattr(decoding, "_write_files", original)
        bair.clips(clips[0], **SMALL, cache=tmp_path)  # the other process
        original(*arguments)

    monkeypatch.setattr(decoding, "_write_files", overtaken)
    dataset = bair.clips(clips[0], **SMALL, cache=tmp_path)
    for ours, theirs in zip(dataset, bair.clips(clips[0], **SMALL), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert listed(tmp_path) == ["train-image_aux1-4"]
    # The second saw the first.
    assert ".train-image_aux1-4' is unfinished" in capfd.readouterr().err


def test_too_little_room_is_an_early_error(clips, tmp_path, monkeypatch):
    need = NUM_CLIPS * NUM_FRAMES * math.prod(SHAPE)
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, need - 1))
    with pytest.raises(ValueError, match=r"`cache` needs 1.11e-05 GB.* free in .*None"):
        bair.clips(clips[0], **SMALL, cache=tmp_path)
    assert listed(tmp_path) == []
    monkeypatch.setattr(decoding, "_available_memory", lambda: need - 1)
    with pytest.raises(ValueError, match=r"`cache` needs 1.11e-05 GB.*memory.*folder"):
        bair.clips(clips[0], **SMALL, cache="memory")
    monkeypatch.setattr(decoding, "_available_memory", lambda: need)
    bair.clips(clips[0], **SMALL, cache="memory")


def test_available_memory_is_a_number_of_bytes():
    assert 2**26 < decoding._available_memory() < 2**50


@pytest.mark.parametrize("cache", [True, "", "none", "disk", 3])
def test_other_values_are_early_errors(clips, cache):
    with pytest.raises(ValueError, match="`cache` must be None, 'memory' or a folder"):
        bair.clips(clips[0], **SMALL, cache=cache)
    with pytest.raises(ValueError, match="`cache` must be"):
        VideoExperiment("data", cache=cache)


def test_every_order_of_four_clips_is_as_likely(tmp_path):
    values = np.arange(4, dtype=np.uint8)[:, None, None, None, None]
    write_shards(tmp_path, "train", np.broadcast_to(values, [4, 1, 1, 1, 1]))
    num_passes = 2400
    (batch,) = bair.clips(
        tmp_path,
        num_frames=1,
        batch_size=4 * num_passes,
        frame_shape=(1, 1, 1),
        shuffle=True,
        repeat=True,
        cache="memory",
    ).take(1)
    orders = collections.Counter(map(tuple, np.reshape(batch, [num_passes, 4])))
    assert orders.keys() == set(itertools.permutations(range(4)))
    counts = np.array(list(orders.values()))
    # 23 degrees of freedom: mean 23, standard deviation 6.8; five of them.
    assert np.sum((counts - 100) ** 2 / 100) < 57


def test_experiment_trains_from_the_cache(clips, tmp_path, monkeypatch):
    options = {
        "num_context": 1,
        "num_frames": 3,
        "batch_size": 2,
        "frame_shape": SHAPE,
        "use_actions": True,
    }
    plain = VideoExperiment(str(clips[0]), **options)
    cached = VideoExperiment(str(clips[0]), **options, cache=str(tmp_path / "cache"))
    assert json.loads(json.dumps(cached.options()))["cache"] == str(tmp_path / "cache")
    for ours, theirs in zip(
        cached.train_batches(2).take(3), plain.train_batches(2).take(3), strict=True
    ):
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)
    assert listed(tmp_path / "cache") == ["train-image_aux1-4-actions"]
    monkeypatch.setattr(VideoExperiment, "run", lambda self, _: {"cache": self.cache})
    assert dry_run(cached) == {"dry_run": True, "cache": None}


def test_a_run_may_go_on_with_another_cache(clips, tmp_path, monkeypatch):
    experiment = VideoExperiment(str(clips[0]), frame_shape=SHAPE)
    (tmp_path / "summary.json").write_text('{"steps": 1}')
    (tmp_path / "model.keras").touch()
    options = experiment.options()
    del options["cache"]  # a run from before there were caches
    (tmp_path / "config.json").write_text(json.dumps(options))
    for cache in ("memory", "folder", None):
        cached = VideoExperiment(str(clips[0]), frame_shape=SHAPE, cache=cache)
        assert cached.run(tmp_path) == {"steps": 1}
        config = json.loads((tmp_path / "config.json").read_text())
        assert config == cached.options()
    with pytest.raises(ValueError, match=r"other options \(seed 0 -> 1\)"):
        VideoExperiment(str(clips[0]), frame_shape=SHAPE, cache="memory", seed=1).run(
            tmp_path
        )
