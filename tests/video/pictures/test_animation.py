"""Animated files: contents, timing, atomic writes and errors."""

import gc
import io
import os
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfsigmavae_video.data import pushing
from tfsigmavae_video.pictures import animation as gif
from tfsigmavae_video.pictures.animation import (
    encode_animation,
    write_animation,
    write_image,
)
from tfsigmavae_video.pictures.panels import prediction_frames


def _clip(num_frames=4, height=6, width=8, channels=3, seed=0):
    shape = (num_frames, height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _read(content):
    """Pixels `[T, H, W, 3]`, milliseconds of each frame, and Pillow's format name."""
    picture = Image.open(io.BytesIO(content))
    frames, durations = [], []
    for index in range(picture.n_frames):
        picture.seek(index)
        frames.append(np.asarray(picture.convert("RGB")))
        durations.append(picture.info.get("duration"))
    return np.stack(frames), durations, picture.format


def _psnr(frames, clip):
    errors = (frames.astype(float) - clip.astype(float)) / 255.0
    return -10.0 * np.log10(np.mean(errors**2))


@pytest.mark.parametrize("format", ["gif", "apng", "webp"])
def test_grey_is_lossless(format):
    # All 256 levels in every frame, so that a palette is full.
    clip = np.stack([np.roll(np.arange(256, dtype=np.uint8), 7 * t) for t in range(3)])
    clip = clip.reshape(3, 16, 16, 1)
    frames, _, _ = _read(encode_animation(clip, format=format))
    np.testing.assert_array_equal(frames, np.repeat(clip, 3, axis=-1))


@pytest.mark.parametrize("format", ["gif", "apng", "webp"])
def test_few_colours_are_lossless(format):
    clip = _clip(height=12, width=12)  # at most 144 colours a frame
    frames, _, _ = _read(encode_animation(clip, format=format))
    np.testing.assert_array_equal(frames, clip)


@pytest.mark.parametrize("format", ["apng", "webp"])
def test_many_colours_are_lossless_outside_gif(format):
    clip = _clip(num_frames=2, height=40, width=40)
    frames, _, _ = _read(encode_animation(clip, format=format))
    np.testing.assert_array_equal(frames, clip)


def test_gif_colours_are_closer_than_pillows_own_choice():
    ramp = np.linspace(20, 220, 64)
    smooth = np.stack(
        [np.tile(ramp, (64, 1)), np.tile(ramp[:, None], 64), np.full((64, 64), 90.0)],
        axis=-1,
    )
    noise = np.random.default_rng(0).normal(0, 6, (3, 64, 64, 3))
    clip = (smooth + noise).clip(0, 255).astype(np.uint8)
    plain = io.BytesIO()
    pictures = [Image.fromarray(frame) for frame in clip]
    pictures[0].save(plain, "GIF", save_all=True, append_images=pictures[1:])
    ours, _, _ = _read(encode_animation(clip))
    default, _, _ = _read(plain.getvalue())
    assert _psnr(ours, clip) > _psnr(default, clip) + 0.5


def test_floats_are_rounded_to_the_nearest_level():
    clip = _clip(height=4, width=4)
    as_float = tf.constant(clip / 255.0 + 0.4 / 255.0 * (clip < 255), tf.float32)
    frames, _, _ = _read(encode_animation(as_float, format="apng"))
    np.testing.assert_array_equal(frames, clip)


@pytest.mark.parametrize(
    ("format", "fps", "expected"),
    [
        ("gif", 10, [100, 100, 100, 100, 100, 100]),
        ("gif", 15, [70, 60, 70, 70, 60, 70]),
        ("gif", 50, [20, 20, 20, 20, 20, 20]),
        ("webp", 15, [67, 66, 67, 67, 66, 67]),
        ("apng", 0.5, [2000, 2000, 2000, 2000, 2000, 2000]),
        ("apng", 60, [17, 16, 17, 17, 16, 17]),
    ],
)
def test_durations_follow_the_clock_of_the_format(format, fps, expected):
    content = encode_animation(_clip(num_frames=6), fps=fps, format=format)
    assert _read(content)[1] == expected


@pytest.mark.parametrize("format", ["gif", "apng", "webp"])
def test_merged_identical_frames_last_as_long(format):
    clip = _clip(num_frames=6)
    clip[1:4] = clip[0]
    _, durations, _ = _read(encode_animation(clip, fps=10, format=format))
    assert sum(durations) == 600


@pytest.mark.parametrize("format", ["gif", "apng", "webp"])
def test_animations_loop_for_ever(format):
    content = io.BytesIO(encode_animation(_clip(), format=format))
    assert Image.open(content).info["loop"] == 0


@pytest.mark.parametrize(
    ("name", "format", "expected"),
    [
        ("clip.gif", None, "GIF"),
        ("clip.PNG", None, "PNG"),
        ("clip.apng", None, "PNG"),
        ("clip.webp", None, "WEBP"),
        ("clip.bin", "webp", "WEBP"),
        ("clip.gif", "apng", "PNG"),
    ],
)
def test_the_suffix_chooses_the_format_unless_it_is_named(
    tmp_path, name, format, expected
):
    path = write_animation(tmp_path / "new" / "folder" / name, _clip(), format=format)
    assert path == tmp_path / "new" / "folder" / name
    frames, _, found = _read(path.read_bytes())
    assert found == expected and frames.shape == (4, 6, 8, 3)
    assert [file.name for file in path.parent.iterdir()] == [name]


def test_a_single_frame_is_a_valid_clip(tmp_path):
    path = write_animation(tmp_path / "one.png", _clip(num_frames=1))
    np.testing.assert_array_equal(np.asarray(Image.open(path)), _clip(num_frames=1)[0])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write_animation(tmp_path / "clip.gif", _clip())
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_animation(path, _clip(seed=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_write_image_is_a_lossless_still(tmp_path):
    image = _clip(height=20, width=30)[0]
    path = write_image(tmp_path / "sheets" / "still.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), image)
    grey = write_image(tmp_path / "grey.png", image[..., :1])
    np.testing.assert_array_equal(np.asarray(Image.open(grey)), image[..., 0])


def test_write_image_refuses_other_suffixes_and_shapes(tmp_path):
    with pytest.raises(ValueError, match=r"\.png.*'still\.jpg'"):
        write_image(tmp_path / "still.jpg", _clip()[0])
    with pytest.raises(ValueError, match=r"\[H, W, C\]"):
        write_image(tmp_path / "still.png", _clip())


def test_mp4_without_pyav_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r'pip install "tfsigmavae\[mp4\]"'):
        write_animation(tmp_path / "clip.mp4", _clip())
    assert not list(tmp_path.iterdir())


def test_webp_without_pillow_support_names_the_way_out(monkeypatch):
    monkeypatch.setattr(gif.features, "check", lambda feature: False)
    with pytest.raises(ImportError, match="without WebP"):
        encode_animation(_clip(), format="webp")


@pytest.fixture
def no_collector(monkeypatch):
    """imageio collects garbage whenever it closes a film.

    That takes seconds in a process that has run thousands of tests.
    """
    monkeypatch.setattr(gc, "collect", lambda *_: 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_mp4_keeps_frames_and_rate(tmp_path, channels, no_collector):
    pytest.importorskip("av")
    import imageio.v3 as iio

    clip = np.full((6, 32, 48, channels), 30, np.uint8)
    for t in range(6):
        clip[t, :, 8 * t : 8 * t + 8] = 220
    path = write_animation(tmp_path / "clip.mp4", clip, fps=12)
    frames = iio.imread(path, plugin="pyav")
    assert frames.shape == (6, 32, 48, 3)
    assert _psnr(frames, clip) > 25.0  # lossy; a shifted frame would score below 10
    assert iio.immeta(path, plugin="pyav")["fps"] == 12


def test_mp4_of_odd_size_is_an_error():
    with pytest.raises(ValueError, match="even height and width, got 5x8"):
        encode_animation(_clip(height=5), format="mp4")


@pytest.mark.parametrize(
    ("frames", "options", "words"),
    [
        (_clip()[0], {}, r"\[T, H, W, C\]"),
        (_clip()[:0], {}, "at least one frame"),
        (_clip(channels=2), {}, "C 1 or 3"),
        (_clip(), {"fps": 0}, "`fps`"),
        (_clip(), {"fps": 60}, "at most 50 in a GIF"),
        (_clip(), {"fps": 0.001}, "from 0.02 to 1000"),
        (_clip(), {"fps": float("inf"), "format": "webp"}, "from 0.02 to 1000"),
        (_clip(), {"fps": float("nan"), "format": "apng"}, "from 0.02 to 1000"),
        (_clip(), {"fps": "10"}, "must be a number"),
        (_clip(), {"hold": -1}, "`hold` must be .* from 0 to 60, got -1"),
        (_clip(), {"hold": float("nan")}, "`hold`"),
        (_clip(), {"hold": 61}, "from 0 to 60, got 61"),
        (_clip(), {"tolerance": -1}, "`tolerance` must be an int >= 0, got -1"),
        (_clip(), {"format": "avi"}, "apng, gif, mp4, webp.*'avi'"),
    ],
)
def test_bad_arguments_are_an_error(frames, options, words):
    with pytest.raises(ValueError, match=words):
        encode_animation(frames, **options)


def test_a_fast_palette_is_nearly_as_good():
    ramp = np.linspace(0, 255, 48, dtype=np.uint8)
    clip = np.empty([2, 48, 48, 3], np.uint8)
    clip[..., 0], clip[..., 1] = ramp, ramp[:, None]
    clip[0, ..., 2], clip[1, ..., 2] = 40, 200
    gifs = [encode_animation(clip, palette=p) for p in ("best", "fast")]
    shown = [_psnr(_read(content)[0], clip) for content in gifs]
    # A palette for both frames together would score below 25.
    assert 28.0 < shown[1] <= shown[0] + 0.5
    grey = _clip(channels=1)
    fast = encode_animation(grey, palette="fast")
    assert fast == encode_animation(grey)  # nothing is reduced
    with pytest.raises(ValueError, match="Unknown `palette` 'good'.*'best', 'fast'"):
        encode_animation(clip, palette="good")


def test_an_unknown_suffix_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"\.webp.*'clip\.avi'"):
        write_animation(tmp_path / "clip.avi", _clip())


def test_other_dtypes_and_ranges_are_an_error():
    with pytest.raises(TypeError, match="frames"):
        encode_animation(_clip().astype(np.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="frames"):
        encode_animation(_clip().astype(np.float32))


def test_lists_of_frames_are_clips():
    frames = np.random.default_rng(0).integers(0, 256, [3, 4, 6, 3], np.uint8)
    expected = encode_animation(frames)
    for given in (list(frames), [tf.constant(frame) for frame in frames]):
        assert encode_animation(given) == expected
    with pytest.raises(TypeError, match="`frames` must be uint8.*int64"):
        encode_animation(frames.tolist())


def _film(num_frames=12):
    """Four pushing clips that move, in colours, enlarged as predictions are drawn."""
    clips = np.stack([e["frames"] for e in pushing.episodes(4, num_frames=num_frames)])
    return prediction_frames([("truth", clips, False)], 2)


def _anew_every_frame(frames):
    """The bytes of a GIF whose frames are reduced and stored each by itself."""
    how = {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 1, "dither": 0}
    pictures = [Image.fromarray(frame).quantize(256, **how) for frame in frames]
    buffer, duration = io.BytesIO(), [100] * len(frames)
    options = {"append_images": pictures[1:], "duration": duration, "loop": 0}
    pictures[0].save(buffer, "GIF", save_all=True, **options)
    return buffer.getvalue()


def test_a_film_is_small_and_as_good_as_with_every_frame_drawn_anew():
    film = _film()
    content, before = encode_animation(film), _anew_every_frame(film)
    assert 2.5 * len(content) < len(before)
    frames, durations, _ = _read(content)
    assert durations == [100] * len(film)
    assert _psnr(frames, film) > _psnr(_read(before)[0], film) - 0.5
    # Twice the tolerance for what rests; for the rest, 255 colours a frame.
    error = np.abs(frames.astype(int) - film).max(-1)
    assert np.mean(error > 12) < 0.01 and error.max() < 50


@pytest.mark.parametrize(
    ("tolerance", "least", "most"), [(0, 1500, 3000), (6, 200, 1500), (40, 20, 60)]
)
def test_what_rests_within_the_tolerance_is_not_drawn_anew(tolerance, least, most):
    rng = np.random.default_rng(0)
    film = np.repeat(rng.integers(100, 140, [1, 40, 40, 3], np.uint8), 5, axis=0)
    film = film + rng.integers(0, 9, film.shape, np.uint8)
    sizes = [
        len(encode_animation(film[:number], tolerance=tolerance)) for number in (1, 5)
    ]
    assert least < (sizes[1] - sizes[0]) / 4 < most  # bytes a frame


def test_a_gif_decodes_alike_elsewhere():
    av = pytest.importorskip("av")
    film = _film(4)
    content = encode_animation(film, hold=1.0)
    with av.open(io.BytesIO(content)) as container:
        others = [frame.to_ndarray(format="rgb24") for frame in container.decode()]
    np.testing.assert_array_equal(np.stack(others), _read(content)[0])


def test_frames_of_256_colours_that_move_in_part_are_exact():
    colours = np.random.default_rng(0).choice(1 << 24, 256, replace=False)
    colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1)
    numbers = np.arange(17 * 17) + np.arange(3)[:, None]
    # One pixel rests while the others have all 256 colours: none stands for rest.
    numbers[1, 5] = numbers[0, 5]
    clip = colours.astype(np.uint8)[numbers % 256].reshape(3, 17, 17, 3)
    np.testing.assert_array_equal(_read(encode_animation(clip))[0], clip)


def test_still_frames_are_frames_of_a_gif():
    clip = np.repeat(_clip(num_frames=1, height=40, width=40) // 8, 4, axis=0)
    frames, durations, _ = _read(encode_animation(clip))
    assert durations == [100] * 4
    np.testing.assert_array_equal(frames, frames[:1].repeat(4, axis=0))


@pytest.mark.parametrize("format", ["gif", "apng", "webp"])
@pytest.mark.parametrize(("hold", "last"), [(0, 100), (0.05, 100), (1.5, 1500)])
def test_the_last_frame_is_held_and_the_others_are_not(format, hold, last):
    content = encode_animation(_clip(), fps=10, format=format, hold=hold)
    assert _read(content)[1] == [100, 100, 100, last]


@pytest.mark.parametrize(("hold", "num_frames"), [(0, 6), (0.05, 6), (0.5, 11)])
def test_an_mp4_repeats_the_last_frame(tmp_path, hold, num_frames, no_collector):
    pytest.importorskip("av")
    import imageio.v3 as iio

    clip = np.full((6, 32, 48, 3), 30, np.uint8)
    clip[-1] = 200
    path = write_animation(tmp_path / "clip.mp4", clip, fps=12, hold=hold)
    frames = iio.imread(path, plugin="pyav")
    assert len(frames) == num_frames
    assert np.all(frames[:5] < 60) and np.all(frames[5:] > 170)
    assert iio.immeta(path, plugin="pyav")["fps"] == 12


def test_noise_is_no_larger_than_with_every_frame_drawn_anew():
    noise = np.random.default_rng(0).normal(0, 12, [4, 64, 64, 3])
    film = (_film(4)[:, :64, 160:224] + noise).clip(0, 255).astype(np.uint8)
    content, before = encode_animation(film), _anew_every_frame(film)
    assert len(content) < 1.02 * len(before)
    shown = [_psnr(_read(each)[0], film) for each in (content, before)]
    assert shown[0] > shown[1] - 0.5
