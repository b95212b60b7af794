"""Batches of clips of different lengths: order, windows, cache and exact resume."""

import gc
import json
import weakref

import numpy as np
import pytest
import tensorflow as tf
from npy_clips import LENGTHS, NpyClips, write_clips

from tfsigmavae_video.data import (
    batches,
    batching,
    decoded_clips,
    decoding,
    first_clips,
)

NUM_CLIPS, NUM_FRAMES = len(LENGTHS), 3
RANDOM = {"windows": "random", "shuffle": True, "seed": 3}


@pytest.fixture(autouse=True)
def several_batches(monkeypatch):
    monkeypatch.setattr(decoding, "_BATCH_SIZE", 2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def source(files):
    return NpyClips(files)


def clips_and_starts(batch):
    """Numbers and first frames of a batch's clips, whose frames follow one another."""
    values = np.asarray(batch)[:, :, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(np.diff(values, axis=1), 1)
    return np.divmod(values[:, 0], 20)


def passes(source, number, **options):
    """Clips and starts of so many passes, `[number, num_clips]` each."""
    dataset = batches(
        source,
        NUM_FRAMES,
        number * len(source),
        repeat=True,
        cache="memory",
        **options,
    )
    (batch,) = dataset.take(1)
    return [value.reshape([number, -1]) for value in clips_and_starts(batch)]


def test_first_windows_in_order(source):
    plain = batches(source, NUM_FRAMES, 4)
    assert plain.element_spec == tf.TensorSpec([None, 3, 1, 2, 1], tf.uint8)
    got = [clips_and_starts(batch) for batch in plain]
    assert [clips.tolist() for clips, _ in got] == [[0, 1, 2, 3], [4, 5]]
    assert not any(starts.any() for _, starts in got)
    (full,) = batches(source, NUM_FRAMES, 4, drop_remainder=True)
    assert clips_and_starts(full)[0].tolist() == [0, 1, 2, 3]


def test_other_fields_come_with_the_frames(files):
    dataset = batches(NpyClips(files, with_times=True), 2, 3, repeat=True, **RANDOM)
    assert dataset.element_spec == {
        "frames": tf.TensorSpec([3, 2, 1, 2, 1], tf.uint8),
        "times": tf.TensorSpec([3, 2, 1], tf.float32),
    }
    for batch in dataset.take(4):
        _, starts = clips_and_starts(batch["frames"])
        np.testing.assert_array_equal(batch["times"][:, 0, 0], starts)


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_start_that_a_clip_allows_is_as_likely(source, shuffle):
    num_passes = 2000
    clips, starts = passes(source, num_passes, windows="random", shuffle=shuffle)
    for clip, length in enumerate(LENGTHS):
        num_starts = length - NUM_FRAMES + 1
        counts = np.bincount(starts[clips == clip], minlength=num_starts)
        assert counts.size == num_starts and counts.sum() == num_passes
        expected = num_passes / num_starts
        freedom = num_starts - 1  # mean of chi-square; its variance is twice that
        assert np.sum((counts - expected) ** 2) / expected <= freedom + 5 * np.sqrt(
            2 * freedom
        )


def test_starts_of_one_pass_tell_nothing_of_the_next_or_of_other_clips(source):
    clips, starts = passes(source, 2000, **RANDOM)
    starts = np.take_along_axis(starts, np.argsort(clips, axis=1), axis=1)
    pairs = {
        "the next pass": (starts[:-1, 2], starts[1:, 2]),
        "another clip": (starts[:, 2], starts[:, 5]),
        "the place in the pass": (starts[:, 2], np.argmax(clips == 2, axis=1)),
    }
    for what, pair in pairs.items():
        # Standard deviation 1 / sqrt(2000) = 0.022; five of them.
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.11, what


def test_clips_of_one_length_have_the_starts_of_stateless_uniform():
    """A seed goes on to give the batches that it gave."""
    number, seed = tf.constant(4, tf.int64), 11
    key = tf.random.fold_in(tf.stack([tf.constant(seed, tf.int64), number]), 1)
    wanted = tf.random.stateless_uniform([50], key, maxval=19, dtype=tf.int32)
    starts = batching._window_starts(number, tf.fill([50], np.int64(18)), seed)
    np.testing.assert_array_equal(starts, wanted)


def test_each_pass_is_a_new_permutation(source):
    clips, _ = passes(source, 20, shuffle=True)
    np.testing.assert_array_equal(np.sort(clips, axis=1), [range(NUM_CLIPS)] * 20)
    assert len(set(map(tuple, clips))) > 15  # 720 there are


def test_seed_decides(source):
    one, same, other = (
        passes(source, 5, **{**RANDOM, "seed": seed}) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert np.any(one[0] != other[0])


@pytest.mark.parametrize("cache", [None, "memory", "files"])
@pytest.mark.parametrize("repeat", [False, True])
def test_any_step_is_resumed_exactly(source, tmp_path, cache, repeat):
    # Four clips a batch out of six: passes do not end with a batch.
    options = {**RANDOM, "repeat": repeat}
    whole = list(batches(source, NUM_FRAMES, 4, **options).take(5))
    assert len(whole) == (5 if repeat else 2)
    options["cache"] = tmp_path if cache == "files" else cache
    for start in range(len(whole)):
        rest = batches(source, NUM_FRAMES, 4, start_step=start, **options)
        rest = list(rest.take(len(whole) - start))
        assert len(rest) == len(whole) - start
        for ours, theirs in zip(rest, whole[start:], strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("options", [{}, RANDOM], ids=["first", "random"])
def test_cache_changes_no_batch(files, tmp_path, options):
    def clips(cache):
        source = NpyClips(files, with_times=True, view={"size": [8, 8]})
        return batches(source, 2, 4, cache=cache, **options)

    for cache in ("memory", tmp_path, tmp_path):
        assert clips(cache).element_spec == clips(None).element_spec
        ours, theirs = list(clips(cache)), list(clips(None))
        tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)
    (folder,) = tmp_path.iterdir()
    kept = "3_to_9" if options else "2"
    assert folder.name == f"toys-_8_8_-{kept}-times"
    num_kept = sum(LENGTHS) if options else 2 * NUM_CLIPS
    assert np.load(folder / "frames.npy").shape == (num_kept, 1, 2, 1)


def test_cache_of_other_clips_is_refused(tmp_path):
    files, cache = write_clips(tmp_path), tmp_path / "cache"
    batches(NpyClips(files), 3, 2, cache=cache)
    for files[0] in write_clips(tmp_path, lengths=(6,)):
        with pytest.raises(ValueError, match=r"\(different: files, num_frames\)"):
            batches(NpyClips(files), 3, 2, cache=cache)
    (folder,) = cache.iterdir()
    origin = json.loads((folder / "source.json").read_text())
    assert origin["kept"] == [[3, NUM_CLIPS]]


def test_memory_lives_as_long_as_the_source(files, monkeypatch):
    source = NpyClips(files)
    list(batches(source, NUM_FRAMES, 4, cache="memory"))
    (frames,) = (weakref.ref(c.fields["frames"]) for c in source.decoded.values())
    monkeypatch.setattr(decoding, "to_memory", None)  # not decoded again
    gc.collect()
    other = NpyClips(files)  # shares them, though no data set is left
    assert len(list(batches(other, NUM_FRAMES, 4, cache="memory"))) == 2
    del source
    gc.collect()
    dataset = batches(other, NUM_FRAMES, 4, cache="memory", shuffle=True)
    del other
    gc.collect()
    assert len(list(dataset)) == 2 and frames() is not None
    del dataset
    gc.collect()
    assert frames() is None and not decoded_clips.in_memory


def test_memory_is_of_its_own_for_other_clips(files):
    source = NpyClips(files)
    views = [source, NpyClips(files, view={"camera": "left"}), NpyClips(files[:2])]
    for view in views:
        batches(view, NUM_FRAMES, 2, cache="memory")
    batches(source, 2, 2, cache="memory")
    assert len(decoded_clips.in_memory) == 4


@pytest.mark.parametrize("windows", ["first", "random"])
@pytest.mark.parametrize("cache", [None, "memory"])
def test_clips_that_are_too_short_are_an_early_error(source, windows, cache):
    message = (
        r"`num_frames` must be at most the 3 frames stored for clip 1 of 'toys', got "
        r"5\. 3 of 6 clips are too short: ask for at most 3 frames, or leave"
    )
    with pytest.raises(ValueError, match=message):
        batches(source, 5, 2, windows=windows, cache=cache)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"windows": "middle"}, "Unknown `windows` 'middle'.*random.*last"),
        ({"num_frames": 0}, "`num_frames` must be an int >= 1"),
        ({"num_frames": 2.0}, "`num_frames` must be an int >= 1"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"start_step": -1}, "`start_step`"),
        ({"cache": True}, "`cache` must be None"),
    ],
)
def test_wrong_arguments_are_early_errors(source, options, message):
    with pytest.raises(ValueError, match=message):
        batches(source, **{"num_frames": 2, "batch_size": 2, **options})


@pytest.mark.parametrize(
    "num_clips, num_frames, wanted",
    [(1, 4, (1, 4)), (1, 30, (1, 5)), (3, 30, (3, 3)), (30, 2, (6, 2))],
)
def test_first_clips_are_as_long_as_they_can_be(files, num_clips, num_frames, wanted):
    source = NpyClips(files, with_times=True)
    clips = first_clips(source, num_clips, num_frames)
    assert clips["frames"].shape[:2] == wanted and clips["times"].shape[:2] == wanted
    numbers, starts = clips_and_starts(clips["frames"])
    assert numbers.tolist() == [*range(wanted[0])] and not starts.any()
    for name in ("num_clips", "num_frames"):
        with pytest.raises(ValueError, match=f"`{name}` must be an int >= 1"):
            first_clips(source, **{"num_clips": 1, "num_frames": 1, name: 0})
