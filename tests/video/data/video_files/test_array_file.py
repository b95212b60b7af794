"""Videos in .npy and .npz."""

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
