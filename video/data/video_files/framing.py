"""From frames of any size to the frames that a model takes."""

import numbers
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from PIL import Image

from tfsigmavae.checks import check_choice
from tfsigmavae_video.data.video_files.resizing import resize
from tfsigmavae_video.data.video_files.video_error import VideoError

Fit: TypeAlias = Literal["crop", "letterbox", "stretch"]
FITS = get_args(Fit)


class Framing:
    """Crops, resizes and recolours frames to one shape.

    A smaller picture takes the mean over the area of each of its pixels, a larger one
    is interpolated linearly. A frame that has the shape already is left as it is, bit
    by bit.

    Grey is the luma of RGB, 0.299 R + 0.587 G + 0.114 B; RGB from grey repeats it.

    Args:
        frame_shape: (height, width, channels) wanted, channels 1 or 3.
        fit: what to do with frames of other proportions. "crop" takes the largest
            part of the right ones, in the middle, in whole pixels; "letterbox" keeps
            all and adds black bars; "stretch" distorts. Defaults to `"crop"`.
        alpha: colour to lay transparent frames on, 3 ints from 0 to 255. Defaults to
            `None`: a frame that is transparent anywhere is refused.

    Call arguments:
        frame: uint8 `[H, W, C]`, C 1, 3 or 4 (RGB and alpha, not premultiplied).

    Returns:
        uint8 array of `frame_shape`.

    Raises:
        ValueError: on an argument out of its range.
        VideoError: if a frame is transparent and `alpha` is `None`.

    Example:
        >>> Framing((64, 64, 3))(np.zeros([360, 640, 3], np.uint8)).shape
        (64, 64, 3)

    Reference: ITU-R BT.601-7, section 2.5.1 (luma).
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        fit: Fit = "crop",
        alpha: Sequence[int] | None = None,
    ):
        self.frame_shape = _checked_shape(frame_shape)
        check_choice("fit", fit, FITS)
        if alpha is not None:
            _check_colour(alpha)
        self.fit = fit
        self.alpha = alpha

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        height, width, channels = self.frame_shape
        if self.fit == "crop":
            frame = self._cropped(frame)
        # Before resizing: transparent pixels must not lend their colour to neighbours.
        frame = self._opaque(frame)
        if channels == 1:
            frame = _grey(frame)
        if self.fit == "letterbox":
            inner = _largest_inside(frame.shape[:2], (height, width))
            frame = self._with_bars(resize(frame, *inner))
        else:
            frame = resize(frame, height, width)
        return np.broadcast_to(frame, self.frame_shape)  # repeats grey

    def _cropped(self, frame):
        bounds = frame.shape[:2]
        size = _largest_inside(self.frame_shape[:2], bounds)
        top, left = ((bound - n) // 2 for bound, n in zip(bounds, size, strict=True))
        return frame[top : top + size[0], left : left + size[1]]

    def _opaque(self, frame):
        if frame.shape[-1] != 4:
            return frame
        opacity = frame[..., 3:]
        if opacity.min() == 255:
            return frame[..., :3]
        if self.alpha is None:
            raise VideoError(
                "is transparent. Give a colour to lay it on, such as "
                "`alpha=(0, 0, 0)`, or leave it out."
            )
        opacity = opacity.astype(np.uint32)
        background = np.array(self.alpha, np.uint32)
        mixed = opacity * frame[..., :3] + (255 - opacity) * background
        return ((mixed + 127) // 255).astype(np.uint8)

    def _with_bars(self, picture):
        frame = np.zeros([*self.frame_shape[:2], picture.shape[-1]], np.uint8)
        height, width = picture.shape[:2]
        top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
        frame[top : top + height, left : left + width] = picture
        return frame


def _checked_shape(frame_shape):
    shape = tuple(frame_shape)
    are_sizes = all(isinstance(n, numbers.Integral) and int(n) > 0 for n in shape)
    if len(shape) != 3 or not are_sizes or shape[2] not in (1, 3):
        raise ValueError(
            "`frame_shape` must be (height, width, channels) with channels 1 or 3, got "
            f"{frame_shape!r}."
        )
    return shape


def _check_colour(alpha):
    if len(alpha) != 3 or not all(
        isinstance(level, numbers.Integral) and 0 <= int(level) <= 255
        for level in alpha
    ):
        raise ValueError(
            f"`alpha` must be a colour, 3 ints from 0 to 255, or None, got {alpha!r}."
        )


def _largest_inside(shape, bounds):
    """The largest (height, width) of the proportions of `shape` inside `bounds`."""
    scale = min(bound / size for size, bound in zip(shape, bounds, strict=True))
    return tuple(
        min(max(round(scale * size), 1), bound)
        for size, bound in zip(shape, bounds, strict=True)
    )


def _grey(frame):
    if frame.shape[-1] == 1:
        return frame
    picture = Image.fromarray(np.ascontiguousarray(frame))
    return np.asarray(picture.convert("L"))[..., None]
