"""GIF, animated PNG and animated WebP: frames as shown, and when."""

import numpy as np
import pytest
from PIL import Image

from tfsigmavae_video.data.video_files import VideoError, open_video
from tfsigmavae_video.pictures.animation import write_animation

FORMATS = {"gif": "GIF", "png": "PNG", "webp": "WEBP"}


def _frames(num_frames=6, channels=3, seed=0):
    """Few colours, so that a palette holds them all; what moves is a square."""
    rng = np.random.default_rng(seed)
    frames = np.broadcast_to(
        rng.integers(0, 256, [12, 20, channels]), [num_frames, 12, 20, channels]
    ).astype(np.uint8)
    for number, frame in enumerate(frames):
        frame[2:6, 2 * number : 2 * number + 4] = rng.integers(0, 256, channels)
    return frames


def _save(path, frames, format, **options):
    first, *others = [Image.fromarray(np.squeeze(frame)) for frame in frames]
    options = {"lossless": True, **options} if format == "WEBP" else options
    first.save(path, format, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_frames_are_those_written(tmp_path, suffix):
    frames = _frames()
    path = write_animation(tmp_path / f"a.{suffix}", frames, fps=8)
    with open_video(path) as video:
        assert video.num_frames == 6
        np.testing.assert_array_equal(video.read(range(6))[..., :3], frames)
        for numbers in ([5], [0], [1, 4], [2], [2, 3]):  # back and forth
            np.testing.assert_array_equal(video.read(numbers)[..., :3], frames[numbers])
        np.testing.assert_allclose(video.times, np.arange(6) / 8, atol=0.0051)


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_frame_has_its_duration(tmp_path, suffix):
    durations = [40, 250, 0, 100, 1000, 20]
    path = _save(
        tmp_path / "a", _frames(), FORMATS[suffix], duration=durations, disposal=1
    )
    if suffix == "webp":
        path = _save(tmp_path / "a", _frames(), "WEBP", duration=durations)
    with open_video(path) as video:
        # No duration counts as 0.1 s, as in browsers.
        np.testing.assert_allclose(video.times, [0, 0.04, 0.29, 0.39, 0.49, 1.49])


# Pillow writes a wrong PNG where each frame is to bring back the one before.
@pytest.mark.parametrize(
    ("suffix", "disposal"),
    [("gif", 0), ("gif", 1), ("gif", 2), ("png", 0), ("png", 1)],
)
def test_frames_are_composed(tmp_path, suffix, disposal):
    """Parts of frames, laid on those before, which stay or are cleared."""
    frames = _frames()
    path = _save(
        tmp_path / "a", frames, FORMATS[suffix], duration=50, disposal=disposal
    )
    with open_video(path) as video:
        np.testing.assert_array_equal(video.read(range(6))[..., :3], frames)


def test_colours_of_a_gif_are_exact_up_to_256(tmp_path):
    rng = np.random.default_rng(0)
    few = rng.integers(0, 256, [3, 16, 16, 3], dtype=np.uint8)  # 256 a frame
    path = write_animation(tmp_path / "few.gif", few)
    with open_video(path) as video:
        assert video.shape == (16, 16, 3)
        np.testing.assert_array_equal(video.read(range(3)), few)


def test_grey_gif_is_rgb_and_grey_png_is_grey(tmp_path):
    frames = _frames(channels=1)
    for suffix, channels in (("gif", 3), ("png", 1)):
        path = write_animation(tmp_path / f"a.{suffix}", frames)
        with open_video(path) as video:
            assert video.shape == (12, 20, channels)
            np.testing.assert_array_equal(
                video.read(range(6)), frames + 0 * video.read([0])
            )


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_alpha_is_kept(tmp_path, suffix):
    frames = _frames(channels=4)
    frames[..., 3] = np.where(frames[..., 3] > 99, 255, 0)
    frames *= frames[..., 3:] > 0  # writers may drop colours that are not seen
    path = _save(tmp_path / "a", frames, FORMATS[suffix], duration=50)
    with open_video(path) as video:
        assert video.shape == (12, 20, 4)
        np.testing.assert_array_equal(video.read(range(6)), frames)


def test_transparent_gif_has_alpha(tmp_path):
    pictures = [Image.new("RGBA", (8, 8), (level, 0, 0, 0)) for level in (0, 90)]
    for picture in pictures:
        picture.paste((200, 100, 0, 255), (2, 2, 6, 6))
    pictures[1].putpixel((0, 0), (0, 0, 255, 255))
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], disposal=2)
    with open_video(path) as video:
        assert video.shape == (8, 8, 4)
        alpha = video.read([0, 1])[..., 3]
    assert np.all(alpha[:, 2:6, 2:6] == 255) and np.all(alpha[:, 0, 1:] == 0)


def test_still_pictures_have_one_frame(tmp_path):
    for format in FORMATS.values():
        path = tmp_path / "a"
        Image.new("RGB", (9, 7), (10, 20, 30)).save(path, format)
        with open_video(path) as video:
            assert video.num_frames == 1 and video.times.tolist() == [0.0]
            assert video.read([0]).shape == (1, *video.shape)


def test_16_bit_grey_keeps_white(tmp_path):
    levels = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "a.png")
    with open_video(tmp_path / "a.png") as video:
        assert video.shape == (1, 4, 1)
        assert video.read([0]).ravel().tolist() == [0, 1, 128, 255]


def test_a_default_image_of_a_png_is_not_shown(tmp_path):
    frames = _frames()
    first, *others = [Image.fromarray(frame) for frame in frames]
    options = {"append_images": others, "default_image": True, "duration": 50}
    first.save(tmp_path / "a.png", save_all=True, **options)
    with open_video(tmp_path / "a.png") as video:
        assert video.num_frames == 5
        np.testing.assert_array_equal(video.read(range(5)), frames[1:])


def test_damage_inside_is_named_with_its_file(tmp_path):
    path = write_animation(tmp_path / "a.png", _frames())
    data = bytearray(path.read_bytes())
    place = data.index(b"fdAT") + 12
    data[place : place + 8] = bytes(8)
    path.write_bytes(data)
    with open_video(path) as video, pytest.raises(VideoError, match="a.png.*decoded"):
        video.read(range(6))


@pytest.mark.parametrize(("kind", "size"), [(b"fcTL", 8), (b"IHDR", 4)])
def test_chunks_too_short_are_named_with_their_file(tmp_path, kind, size):
    path = write_animation(tmp_path / "a.png", _frames())
    data = path.read_bytes()
    start = data.index(kind)
    length = int.from_bytes(data[start - 4 : start], "big")
    cut = data[start + 4 : start + 4 + size]
    rest = data[start + 4 + length :]
    path.write_bytes(data[: start - 4] + size.to_bytes(4, "big") + kind + cut + rest)
    with pytest.raises(VideoError, match="a.png' cannot be decoded"):
        open_video(path)


def test_a_gif_of_a_short_control_block_is_named(tmp_path):
    path = write_animation(tmp_path / "a.gif", _frames())
    data = path.read_bytes()
    start = data.index(b"!\xf9\4") + 2
    path.write_bytes(data[:start] + b"\1\0" + data[start + 5 :])
    with pytest.raises(VideoError, match="a.gif' cannot be decoded"):
        open_video(path)


@pytest.mark.parametrize(("duration", "seconds"), [(10, 0.1), (20, 0.02)])
def test_browsers_do_not_believe_10_ms_of_a_gif(tmp_path, duration, seconds):
    path = _save(tmp_path / "a", _frames(), "GIF", duration=duration)
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, seconds * np.arange(6))


def test_reading_goes_on_after_close(tmp_path):
    frames = _frames()
    video = open_video(write_animation(tmp_path / "a.webp", frames))
    video.close()
    np.testing.assert_array_equal(video.read([2])[0, ..., :3], frames[2])
    video.close()


def test_index_reads_headers_only(tmp_path, monkeypatch):
    path = write_animation(tmp_path / "a.gif", _frames())
    monkeypatch.setattr(Image.Image, "load", None)
    assert open_video(path).num_frames == 6
    assert open_video(path).times is not None
