"""Cropping, letterboxing, stretching; resizing by area; grey, RGB and alpha."""

import numpy as np
import pytest

from tfsigmavae_video.data.video_files import Framing, VideoError


def _frame(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, [height, width, channels], dtype=np.uint8)


def _area_means(frame, height, width):
    """Mean over the area of each pixel, in float64, by sums of shares."""

    def shares(old, new):
        edges = np.arange(new + 1) * old / new
        below, above = edges[:-1, None], edges[1:, None]
        pixels = np.arange(old)
        overlap = np.minimum(above, pixels + 1) - np.maximum(below, pixels)
        return np.maximum(overlap, 0.0) * new / old

    rows, columns = shares(frame.shape[0], height), shares(frame.shape[1], width)
    return np.einsum("ih,jw,hwc->ijc", rows, columns, frame.astype(float))


def _close(ours, expected, tolerance=0.501):
    # Rounded once, of sums in float32.
    assert np.abs(ours - expected).max() <= tolerance


@pytest.mark.parametrize("size", [(16, 16), (13, 7), (48, 64), (47, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_smaller_picture_is_the_mean_over_areas(size, channels):
    frame = _frame(48, 64, channels)
    ours = Framing((*size, channels), fit="stretch")(frame)
    _close(ours, _area_means(frame, *size))


def test_a_larger_picture_is_linear():
    """Between the centres of two pixels, in both directions."""
    levels = np.random.default_rng(0).integers(0, 256, 16, dtype=np.uint8)
    ramp = np.tile(levels[:, None, None], [1, 16, 1])
    large = Framing((64, 64, 1))(ramp)[..., 0].astype(float)
    centres = (np.arange(64) + 0.5) / 4 - 0.5
    _close(large, np.interp(centres, np.arange(16), ramp[:, 0, 0])[:, None])


@pytest.mark.parametrize(
    ("size", "wanted", "part"),
    [
        ((36, 64), (16, 16), np.s_[:, 14:50]),
        ((64, 36), (16, 16), np.s_[14:50]),
        ((48, 64), (12, 16), np.s_[:]),
        ((48, 65), (12, 16), np.s_[:, :64]),
        ((31, 20), (8, 16), np.s_[10:20]),
    ],
)
def test_crop_takes_the_middle(size, wanted, part):
    frame = _frame(*size)
    _close(Framing((*wanted, 3))(frame), _area_means(frame[part], *wanted))


@pytest.mark.parametrize(
    ("size", "inside"),
    [((36, 64), np.s_[3:12, :]), ((64, 36), np.s_[:, 3:12]), ((32, 32), np.s_[:])],
)
def test_letterbox_keeps_all_between_black_bars(size, inside):
    frame = _frame(*size) // 2 + 100
    boxed = Framing((16, 16, 3), fit="letterbox")(frame)
    picture = boxed[inside]
    _close(picture, _area_means(frame, *picture.shape[:2]))
    assert boxed.astype(int).sum() == picture.astype(int).sum()  # the rest is black
    assert min(picture.shape[:2]) >= 9


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_of_the_shape_is_left_as_it_is(fit, channels):
    frame = _frame(12, 17, channels)
    np.testing.assert_array_equal(Framing((12, 17, channels), fit)(frame), frame)


def test_a_crop_without_resizing_is_exact():
    frame = _frame(64, 90)
    np.testing.assert_array_equal(Framing((64, 64, 3))(frame), frame[:, 13:77])


def test_grey_is_luma():
    frame = _frame(16, 16)
    luma = frame @ np.array([0.299, 0.587, 0.114])
    _close(Framing((16, 16, 1))(frame), luma[..., None], 0.6)  # Pillow's 16-bit shares
    small = Framing((4, 4, 1))(frame)
    _close(small, _area_means(luma[..., None], 4, 4), 1.1)  # grey is rounded before
    grey = _frame(16, 16, 1)
    np.testing.assert_array_equal(
        Framing((16, 16, 1))(np.repeat(grey, 3, axis=-1)), grey
    )


def test_rgb_from_grey_repeats_it():
    grey = _frame(16, 16, 1)
    np.testing.assert_array_equal(Framing((16, 16, 3))(grey), grey.repeat(3, -1))
    small = Framing((5, 7, 3), fit="letterbox")(grey)
    np.testing.assert_array_equal(
        small, Framing((5, 7, 1), fit="letterbox")(grey).repeat(3, -1)
    )


def test_transparent_frames_are_refused_or_laid_on_a_colour():
    frame = _frame(16, 16, 4)
    with pytest.raises(VideoError, match="transparent.*alpha="):
        Framing((16, 16, 3))(frame)
    share = frame[..., 3:] / 255.0
    expected = share * frame[..., :3] + (1 - share) * [10, 250, 0]
    ours = Framing((16, 16, 3), alpha=(10, 250, 0))(frame)
    assert np.abs(ours - expected).max() <= 0.5 + 1e-9
    frame[..., 3] = 255
    np.testing.assert_array_equal(Framing((16, 16, 3))(frame), frame[..., :3])


def test_transparent_pixels_lend_no_colour():
    frame = np.zeros([2, 2, 4], np.uint8)
    frame[0] = 255, 0, 0, 0  # red that is not seen
    frame[1] = 0, 0, 255, 255
    np.testing.assert_array_equal(
        Framing((1, 1, 3), alpha=(0, 0, 0))(frame), [[[0, 0, 128]]]
    )


def test_input_is_not_written_to():
    for fit in ("crop", "letterbox", "stretch"):
        frame = _frame(16, 20)
        frame.flags.writeable = False
        Framing((8, 8, 3), fit)(frame)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 2), (0, 64, 3), (6.5, 64, 3)])
def test_frame_shape_is_checked(shape):
    with pytest.raises(ValueError, match="`frame_shape` must be .height, width"):
        Framing(shape)


def test_fit_and_alpha_are_checked():
    with pytest.raises(ValueError, match="'crop', 'letterbox', 'stretch'"):
        Framing((8, 8, 3), fit="pad")
    for alpha in ((0, 0), (0, 0, 256), (0.0, 0.0, 1.0), "black"):
        with pytest.raises(ValueError, match="`alpha` must be a colour"):
            Framing((8, 8, 3), alpha=alpha)
