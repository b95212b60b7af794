"""Folders of numbered pictures."""

import numpy as np
import pytest
from PIL import Image

from tfsigmavae_video.data.video_files import VideoError, is_video, open_video

FRAMES = np.random.default_rng(0).integers(0, 256, [12, 8, 6, 3], dtype=np.uint8)


def _folder(path, frames, name="frame{}.png"):
    path.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(np.squeeze(frame)).save(path / name.format(number))
    return path


@pytest.mark.parametrize(
    "name", ["{}.png", "frame{}.bmp", "a_{:04}.tif", "2 of {}.webp", "x{}.ppm"]
)
def test_pictures_are_in_the_order_of_their_numbers(tmp_path, name):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, frame in enumerate(FRAMES):
        options = {"lossless": True} if name.endswith("webp") else {}
        Image.fromarray(frame).save(folder / name.format(number), **options)
    (folder / ".DS_Store").write_bytes(b"")
    assert is_video(folder)
    with open_video(folder) as video:
        assert (video.num_frames, video.times) == (12, None)
        np.testing.assert_array_equal(video.read(range(12)), FRAMES)
        np.testing.assert_array_equal(video.read([2, 10]), FRAMES[[2, 10]])


@pytest.mark.parametrize("suffix", ["webp", "png"])
def test_pictures_that_move_are_videos_of_their_own(tmp_path, suffix):
    frames = [Image.fromarray(frame) for frame in FRAMES]
    for number in range(2):
        path = tmp_path / f"clip_{number}.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
        assert is_video(path)
    assert not is_video(tmp_path)


def test_numbers_may_have_gaps(tmp_path):
    folder = _folder(tmp_path / "clip", FRAMES)
    for number in (0, 3, 4, 11):
        (folder / f"frame{number}.png").unlink()
    with open_video(folder) as video:
        np.testing.assert_array_equal(
            video.read(range(8)), FRAMES[[1, 2, 5, 6, 7, 8, 9, 10]]
        )


@pytest.mark.parametrize("other", ["notes.txt", "cover.png", "1.mp4"])
def test_folders_with_other_things_are_no_video(tmp_path, other):
    folder = _folder(tmp_path / "clip", FRAMES[:2])
    (folder / other).write_bytes(b"")
    assert not is_video(folder)
    with pytest.raises(VideoError, match="numbered pictures.*nothing else"):
        open_video(folder)


def test_folders_without_pictures_are_no_video(tmp_path):
    assert not is_video(tmp_path)
    (tmp_path / "1").mkdir()
    assert not is_video(tmp_path)


def test_sizes_must_agree(tmp_path):
    folder = _folder(tmp_path / "clip", FRAMES[:3])
    Image.fromarray(FRAMES[0, :4]).save(folder / "frame3.png")
    with pytest.raises(VideoError, match="frame3.png is 6x4, the first one 6x8"):
        open_video(folder)


def test_a_grey_picture_among_coloured_ones_is_repeated(tmp_path):
    folder = _folder(tmp_path / "clip", FRAMES[:2])
    Image.fromarray(FRAMES[2, ..., 0]).save(folder / "frame2.png")
    frame = open_video(folder).read([2])[0]
    np.testing.assert_array_equal(frame, FRAMES[2, ..., :1].repeat(3, -1))


def test_a_coloured_picture_among_grey_ones_is_refused(tmp_path):
    folder = _folder(tmp_path / "clip", FRAMES[:2, ..., 0])
    Image.fromarray(FRAMES[2]).save(folder / "frame2.png")
    with pytest.raises(VideoError, match="frame 2 from .8, 6, 1. to .8, 6, 3."):
        open_video(folder).read([0, 2])


def test_pictures_are_upright(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    smooth = np.tile(np.arange(0, 240, 15, dtype=np.uint8)[:, None, None], [1, 24, 3])
    Image.fromarray(smooth).save(folder / "1.jpg", exif=exif, quality=95)
    frame = open_video(folder).read([0])[0]
    assert frame.shape == (24, 16, 3)
    assert np.abs(frame.astype(int) - np.rot90(smooth, -1)).max() <= 4


def test_deep_pictures(tmp_path):
    (tmp_path / "clip").mkdir()
    levels = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "clip" / "1.png")
    Image.fromarray(levels.astype(np.float32)).save(tmp_path / "clip" / "2.tif")
    with open_video(tmp_path / "clip") as video:
        assert video.read([0]).ravel().tolist() == [0, 1, 128, 255]
        with pytest.raises(VideoError, match="2.tif.*it has 32"):
            video.read([1])


def test_a_damaged_picture_is_named(tmp_path):
    folder = _folder(tmp_path / "clip", FRAMES[:3])
    (folder / "frame1.png").write_bytes((folder / "frame1.png").read_bytes()[:60])
    with pytest.raises(VideoError, match="frame1.png.*Copy it again"):
        open_video(folder).read([1])
