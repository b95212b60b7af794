"""A source says what its clips are, and gives no others."""

import gc
import json
import os
import weakref

import numpy as np
import pytest
import tensorflow as tf
from npy_clips import LENGTHS, NpyClips, write_clips

from tfsigmavae_video.data import ArrayClipSource, ClipSource, batches

FACTS = {
    "num_frames": [4, 2],
    "fields": {"frames": ((1, 2, 1), tf.uint8)},
    "files": [],
    "view": {},
}


class Zeros(ClipSource):
    """Gives clips of zeros, and what `wrong` puts in their place."""

    def __init__(self, wrong=None, **changes):
        super().__init__(**{**FACTS, **changes})
        self.wrong = wrong

    def read(self, number, start, num_frames):
        frames = tf.zeros([num_frames, 1, 2, 1], tf.uint8)
        return {"frames": frames} if self.wrong is None else self.wrong


@pytest.fixture
def files(tmp_path):
    return write_clips(tmp_path)


@pytest.mark.parametrize(
    "base, method", [(ClipSource, "read"), (ArrayClipSource, "read_arrays")]
)
def test_subclass_that_forgets_something_fails_when_it_is_made(base, method):
    class Forgetful(base):
        pass

    with pytest.raises(TypeError, match=f"abstract.*{method}"):
        Forgetful(**FACTS)
    for forgotten in FACTS:
        facts = {fact: value for fact, value in FACTS.items() if fact != forgotten}
        made = type("Complete", (base,), {method: lambda self, *arguments: None})
        with pytest.raises(TypeError, match=f"'{forgotten}'"):
            made(**facts)
        made(**FACTS)


def test_a_source_of_frames_alone_is_read(files):
    for clip in (NpyClips(files)(2, 4, 3), tf.function(NpyClips(files))(2, 4, 3)):
        assert clip["frames"].numpy()[:, 0, 0, 0].tolist() == [44, 45, 46]


@pytest.mark.parametrize("in_graph", [False, True])
def test_window_of_a_clip_is_read(files, in_graph):
    source = NpyClips(files, with_times=True)
    assert len(source) == len(LENGTHS) and tuple(source.num_frames) == LENGTHS
    call = tf.function(source, autograph=False) if in_graph else source
    clip = call(tf.constant(2), tf.constant(4, tf.int64), 3)
    assert clip["frames"].shape == (3, 1, 2, 1)
    assert clip["frames"].numpy()[:, 0, 1, 0].tolist() == [44, 45, 46]
    assert clip["times"].numpy().tolist() == [[4.0], [5.0], [6.0]]


@pytest.mark.parametrize(
    "wrong, error, message",
    [
        ({}, ValueError, r"Zeros.read must give \['frames'\], got \[\]"),
        (
            {"frames": tf.zeros([3, 1, 2, 1], tf.uint8), "times": tf.zeros([3])},
            ValueError,
            r"got \['frames', 'times'\]",
        ),
        ({"frames": tf.zeros([3, 1, 2, 1])}, ValueError, "uint8"),
        ({"frames": tf.zeros([2, 1, 2, 1], tf.uint8)}, Exception, r"\[3,1,2,1\]"),
        ({"frames": tf.zeros([3, 2, 1, 1], tf.uint8)}, Exception, r"\[3,1,2,1\]"),
    ],
)
def test_clip_that_is_not_as_promised_is_an_error(wrong, error, message):
    assert Zeros()(0, 0, 3)["frames"].shape == (3, 1, 2, 1)
    with pytest.raises(error, match=message):
        Zeros(wrong)(0, 0, 3)


@pytest.mark.parametrize(
    "facts, message",
    [
        ({"num_frames": []}, "at least one"),
        ({"num_frames": [[3]]}, r"one number for each clip.*\(1, 1\)"),
        ({"num_frames": [3, 0, 2]}, "Clip 1 of 3 has no frames"),
        ({"fields": {"images": ((1, 2, 1), tf.uint8)}}, '`fields` must hold "frames"'),
        ({"fields": {"frames": ((2, 1), tf.uint8)}}, "height, width, channels.*2, 1"),
    ],
)
def test_facts_that_cannot_be_are_errors(facts, message):
    with pytest.raises(ValueError, match=message):
        Zeros(**facts)


def test_name_is_that_of_the_folder_by_default(tmp_path):
    assert Zeros(files=[tmp_path / "walking" / "a.avi"]).name == "walking"
    assert Zeros(name="kth").name == "kth" and Zeros().name == "Zeros"


def test_fingerprint_is_json_and_that_of_the_same_clips(files):
    source = NpyClips(files, view={"size": (8, 8), "camera": "left"})
    fingerprint = source.fingerprint()
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert fingerprint["view"] == {"size": [8, 8], "camera": "left"}
    again = NpyClips(files, view={"camera": "left", "size": [8, 8]})
    assert again.fingerprint() == fingerprint
    many = Zeros(num_frames=[30] * 40_000 + [12]).fingerprint()
    assert many["num_frames"] == [[30, 40_000], [12, 1]]  # short all the same


def touched(files):
    stat = files[1].stat()
    os.utime(files[1], ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def resized(files):
    stat = files[1].stat()
    files[1].write_bytes(files[1].read_bytes() + b"0")
    os.utime(files[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))


def renamed(files):
    files[1] = files[1].rename(files[1].with_name("other.npy"))


@pytest.mark.parametrize(
    "change",
    [
        touched,
        resized,
        renamed,
        lambda files: files.pop(),
        lambda files: files.reverse(),
    ],
)
def test_fingerprint_changes_with_the_files(files, change):
    before = NpyClips(files).fingerprint()
    change(files)
    assert NpyClips(files).fingerprint()["files"] != before["files"]


@pytest.mark.parametrize(
    "change, key",
    [
        ({"view": {"camera": "right"}}, "view"),
        ({"num_frames": [2, 4]}, "num_frames"),
        ({"fields": {"frames": ((1, 1, 2), tf.uint8)}}, "fields"),
        ({"fields": {"frames": ((1, 2, 1), tf.float32)}}, "fields"),
        ({"fields": FACTS["fields"] | {"times": ([1], tf.float32)}}, "fields"),
    ],
)
def test_fingerprint_changes_with_the_facts(change, key):
    before, after = Zeros().fingerprint(), Zeros(**change).fingerprint()
    assert [name for name in before if before[name] != after[name]] == [key]


def test_fingerprint_changes_with_what_reads_the_files():
    class Ones(Zeros):
        pass

    assert Ones().fingerprint() != Zeros().fingerprint()


def test_source_of_arrays_is_freed_after_use(files):
    source = NpyClips(files)
    dataset = tf.data.Dataset.range(2).map(
        lambda number, source=source: source(number, 0, 2)
    )
    watched = weakref.ref(source)
    del source
    gc.collect()
    assert len(list(dataset)) == 2  # the data set keeps it
    del dataset
    gc.collect()
    assert watched() is None


def test_lengths_cannot_be_changed_from_outside():
    lengths = np.array([4, 2])
    source = Zeros(num_frames=lengths)
    lengths[0] = 9
    assert source.num_frames.tolist() == [4, 2]
    with pytest.raises(ValueError, match="read-only"):
        source.num_frames[0] = 9


def test_a_source_without_files_has_no_cache_unless_it_tells_its_clips_apart():
    class InMemory(ArrayClipSource):
        def __init__(self, value):
            self.value = value
            super().__init__([6], {"frames": ((2, 2, 1), tf.uint8)}, files=[], view={})

        def read_arrays(self, number, start, num_frames):
            return {"frames": np.full([num_frames, 2, 2, 1], self.value, np.uint8)}

    class Named(InMemory):
        def fingerprint(self):
            return {"value": self.value}

    with pytest.raises(ValueError, match="names no `files`.*`fingerprint`"):
        batches(InMemory(1), 3, 1, cache="memory")
    assert next(iter(batches(InMemory(1), 3, 1))).shape == (1, 3, 2, 2, 1)
    # Kept alive side by side.
    sources = [Named(1), Named(9)]
    found = [next(iter(batches(source, 3, 1, cache="memory"))) for source in sources]
    assert [np.max(clips) for clips in found] == [1, 9]
