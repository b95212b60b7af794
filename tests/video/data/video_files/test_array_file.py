"""Videos in .npy and .npz."""

import ast
import gc
import io
import struct
import unittest.mock
import zipfile

import numpy as np
import pytest

from tfsigmavae_video.data.video_files import (
    Framing,
    VideoError,
    array_file,
    list_videos,
    open_video,
)

RNG = np.random.default_rng(0)
CLIPS = RNG.integers(0, 256, [3, 5, 8, 6, 3], dtype=np.uint8)


def test_npy_of_one_video(tmp_path):
    np.save(tmp_path / "a.npy", CLIPS[0])
    assert list_videos(tmp_path / "a.npy") == [(tmp_path / "a.npy", None)]
    with open_video(tmp_path / "a.npy") as video:
        assert (video.num_frames, video.shape, video.times) == (5, (8, 6, 3), None)
        assert video.name == str(tmp_path / "a.npy")
        np.testing.assert_array_equal(video.read([1, 3]), CLIPS[0, [1, 3]])
        assert video.read([1], Framing((4, 4, 1))).shape == (1, 4, 4, 1)


def test_npy_of_several_videos(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, CLIPS)
    assert list_videos(path) == [(path, 0), (path, 1), (path, 2)]
    for found in list_videos(path):
        with open_video(*found) as video:
            assert video.name == f"{path}:{found[1]}"
            np.testing.assert_array_equal(video.read(range(5)), CLIPS[found[1]])
    with pytest.raises(VideoError, match=r"no video None.*\[0, 1, 2\]"):
        open_video(path)


def test_npz_of_videos_of_several_sizes(tmp_path):
    path = tmp_path / "a.npz"
    grey = CLIPS[0, ..., 0]
    np.savez_compressed(path, colour=CLIPS[0], grey=grey, many=CLIPS[:2])
    members = ["colour", "grey", "many/0", "many/1"]
    assert list_videos(path) == [(path, member) for member in members]
    for member, expected in zip(
        members, [CLIPS[0], grey[..., None], CLIPS[0], CLIPS[1]], strict=True
    ):
        with open_video(path, member) as video:
            assert video.shape == expected.shape[1:]
            np.testing.assert_array_equal(video.read([0, 4]), expected[[0, 4]])
            video.close()
            np.testing.assert_array_equal(video.read([2]), expected[[2]])
    with pytest.raises(VideoError, match="no video 'bikes'.*'many/1'"):
        open_video(path, "bikes")


def test_npz_of_one_video_needs_no_member(tmp_path):
    np.savez(tmp_path / "a.npz", CLIPS[0])
    [(path, member)] = list_videos(tmp_path / "a.npz")
    assert member == "arr_0"
    np.testing.assert_array_equal(open_video(path).read([4]), CLIPS[0, [4]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_levels_over_255(tmp_path, dtype):
    np.save(tmp_path / "a.npy", (CLIPS[0] / 255.0).astype(dtype))
    np.testing.assert_array_equal(
        open_video(tmp_path / "a.npy").read(range(5)), CLIPS[0]
    )


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan, 255.0])
def test_floats_outside_0_to_1_are_refused(tmp_path, value):
    clip = CLIPS[0] / 255.0
    clip[2, 0, 0, 0] = value
    np.save(tmp_path / "a.npy", clip)
    with open_video(tmp_path / "a.npy") as video:
        video.read([0, 1])
        with pytest.raises(VideoError, match=r"frame 2.*\[0, 1\].*uint8"):
            video.read([2])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros([4, 8, 8, 3], np.int64),
        np.zeros([4, 8, 8, 3], bool),
        np.zeros([4, 8, 8, 2], np.uint8),
        np.zeros([4, 3, 8, 8], np.uint8),  # channels first
        np.zeros([8, 8], np.uint8),
        np.zeros([0, 8, 8, 3], np.uint8),
        np.array([{"a": 1}], object),
    ],
    ids=str,
)
def test_other_arrays_are_refused(tmp_path, array):
    for path, save in ((tmp_path / "a.npy", np.save), (tmp_path / "a.npz", np.savez)):
        save(path, array, allow_pickle=True)
        with pytest.raises(VideoError, match="a.np[yz]"):
            list_videos(path)
        with pytest.raises(VideoError, match="a.np[yz]"):
            open_video(path)


def test_labels_beside_videos_are_left_out(tmp_path):
    path = tmp_path / "a.npz"
    labels = {"labels": np.arange(3), "names": np.array(["a", "b", "c"])}
    np.savez(path, clips=CLIPS, **labels)
    assert list_videos(path) == [(path, f"clips/{number}") for number in range(3)]
    np.testing.assert_array_equal(open_video(path, "clips/2").read([4]), CLIPS[2, [4]])
    with pytest.raises(VideoError, match="no video 'labels'.*'clips/0'"):
        open_video(path, "labels")
    np.savez(path, clip=CLIPS[0], **labels)
    np.testing.assert_array_equal(open_video(path).read([4]), CLIPS[0, [4]])
    np.savez(path, **labels)
    with pytest.raises(VideoError, match=r"a.npz:labels' is int64 \(3,\). Videos are"):
        list_videos(path)


def test_only_frames_wanted_leave_the_disk(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", CLIPS)
    np.savez(tmp_path / "a.npz", CLIPS)
    loaded = []
    plain = array_file._load
    monkeypatch.setattr(
        array_file, "_load", lambda *args: loaded.append(plain(*args)) or loaded[-1]
    )
    with open_video(tmp_path / "a.npy", 1) as video:
        video.read([0])
    assert all(isinstance(array, np.memmap) for array in loaded)
    loaded.clear()
    video = open_video(tmp_path / "a.npz", "arr_0/1")
    assert not loaded  # from the headers
    video.read([0])
    video.read([1])
    assert len(loaded) == 1


def test_videos_of_one_array_share_it(tmp_path, monkeypatch):
    """One whole array for each of them that is open would fill the memory."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, CLIPS)
    loaded = []
    plain = array_file._load
    monkeypatch.setattr(
        array_file, "_load", lambda *args: loaded.append(args) or plain(*args)
    )
    videos = [open_video(*found) for found in list_videos(path)]
    for number, video in enumerate(videos):
        np.testing.assert_array_equal(video.read(range(5)), CLIPS[number])
    assert len(loaded) == 1
    for video in videos:
        video.close()
    gc.collect()
    assert not array_file._shared  # nor is it kept for nobody
    np.savez_compressed(path, CLIPS[::-1])
    np.testing.assert_array_equal(videos[0].read([0]), CLIPS[2, :1])


def test_a_changed_file_is_not_the_one_shared(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, CLIPS)
    first, second = (open_video(path, f"arr_0/{number}") for number in (0, 1))
    first.read([0])
    np.savez_compressed(path, CLIPS[::-1])
    np.testing.assert_array_equal(second.read([0]), CLIPS[1, :1])
    np.testing.assert_array_equal(first.read([0]), CLIPS[0, :1])
    third = open_video(path, "arr_0/2")
    np.testing.assert_array_equal(third.read([0]), CLIPS[0, :1])


def _npz(compression=zipfile.ZIP_STORED, header=None):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        npy = io.BytesIO()
        np.save(npy, CLIPS[0])
        data = npy.getvalue()
        if header:
            length = struct.unpack_from("<H", data, 8)[0]
            data = data[:10] + header.ljust(length) + data[10 + length :]
        archive.writestr("clip.npy", data)
    return bytearray(file.getvalue())


def _with_flag(data, flag=0, method=None):
    """Sets a general flag and the compression in both heads of a zip's member."""
    for head, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = data.index(head) + place
        data[start] |= flag
        if method is not None:
            data[start + 2] = method
    return data


def _with_damaged_stream():
    data = _npz(zipfile.ZIP_DEFLATED)
    start = data.index(b"clip.npy") + len("clip.npy")
    data[start : start + 40] = b"\xff" * 40
    return data


HUGE = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 9, 8, 8, 3)}" % 10**12
DAMAGED = {
    "stream": _with_damaged_stream,  # zlib.error
    "encrypted": lambda: _with_flag(_npz(), 1),  # RuntimeError
    "unknown method": lambda: _with_flag(_npz(), method=99),  # NotImplementedError
    "huge": lambda: _npz(header=HUGE),  # would list videos for days
    "open bracket": lambda: _npz(header=b"{'descr': ("),  # tokenize.TokenError
    "no literal": lambda: _npz(header=b"{'descr': +*}"),  # SyntaxError
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_of_an_archive_is_named_with_its_file(tmp_path, what):
    path = tmp_path / "a.npz"
    path.write_bytes(DAMAGED[what]())
    with pytest.raises(VideoError, match="a.npz' is no NumPy file that can be read"):
        for found in list_videos(path):
            open_video(*found).read([0])


@pytest.mark.parametrize("error", [MemoryError, NotImplementedError("not so")])
def test_damage_found_in_reading_is_named_with_its_file(tmp_path, monkeypatch, error):
    np.savez(tmp_path / "a.npz", CLIPS)
    video = open_video(tmp_path / "a.npz", "arr_0/1")

    def load(*_):
        raise error

    monkeypatch.setattr(array_file, "_load", load)
    with pytest.raises(VideoError, match=r"a.npz'.*: (MemoryError|not so)\. Write"):
        video.read([0])


def test_the_reason_names_the_file_once(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, CLIPS[0])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VideoError) as caught:
        open_video(path)
    assert str(caught.value).count(str(path)) == 1
    assert str(caught.value).count("leave it out") == 1
    assert ".." not in str(caught.value).replace(str(path), "")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_parser_that_other_threads_disturb_is_asked_again(
    name, tmp_path, monkeypatch
):
    """Python before 3.11.8 raises this now and then where threads read headers."""
    path = tmp_path / name
    np.save(path, CLIPS[0]) if name == "a.npy" else np.savez(path, one=CLIPS[0])
    parse, calls = ast.literal_eval, []

    def disturbed(text):
        calls.append(text)
        if len(calls) % 2:
            raise SystemError("AST constructor recursion depth mismatch")
        return parse(text)

    monkeypatch.setattr(ast, "literal_eval", disturbed)
    with open_video(path) as video:
        np.testing.assert_array_equal(video.read([0, 2]), CLIPS[0, [0, 2]])
    assert len(calls) == 4  # the header at opening, and the array, each twice
    monkeypatch.setattr(
        ast, "literal_eval", unittest.mock.Mock(side_effect=SystemError)
    )
    with pytest.raises(SystemError):
        open_video(path)
