"""From a frame of any size to the frames that a model takes."""

import numpy as np
from PIL import Image

from tfsigmavae.checks import check_choice
from tfsigmavae_video.data.video_files.video_file import VideoError

FITS = ("crop", "letterbox", "stretch")


class Framing:
    """Cuts, resizes and recolours frames to one shape.

    A smaller picture takes the mean over the area of each of its pixels, so that fine
    patterns do not flicker; a larger one is interpolated linearly. Height and width are
    decided each on their own. A frame that already has the shape is left as it is, bit
    by bit.

    Grey from RGB is luma, 0.299 R + 0.587 G + 0.114 B; RGB from grey repeats it.

    Args:
        frame_shape: (height, width, channels) wanted, channels 1 or 3.
        fit: what to do where the shape is another. "crop" takes the largest centred
            part of that shape, in whole pixels; "letterbox" keeps all and adds black
            bars; "stretch" distorts. Defaults to `"crop"`.
        alpha: colour, 3 ints from 0 to 255, to lay transparent frames on. By default
            they are refused.

    Call arguments:
        frame: uint8 `[H, W, C]`, C 1, 3 or 4 (RGB and alpha, not premultiplied).

    Returns:
        uint8 array of `frame_shape`.

    Raises:
        ValueError: on an argument out of its range.
        VideoError: if a frame has an alpha channel and `alpha` is not given.

    Example:
        >>> Framing((64, 64, 3))(np.zeros([360, 640, 3], np.uint8)).shape
        (64, 64, 3)

    Reference: ITU-R BT.601, section 2.5.1 (luma).
    """

    def __init__(self, frame_shape, fit="crop", alpha=None):
        _check_shape(frame_shape)
        check_choice("fit", fit, FITS)
        if alpha is not None:
            _check_colour(alpha)
        self.frame_shape = tuple(frame_shape)
        self.fit = fit
        self.alpha = alpha

    def __call__(self, frame):
        if frame.shape == self.frame_shape:
            return frame
        if frame.shape[-1] == 4:
            frame = self._opaque(frame)
        height, width, channels = self.frame_shape
        picture = _to_pillow(self._cropped(frame))
        if channels == 1 and picture.mode != "L":
            picture = picture.convert("L")
        inner = (width, height)
        if self.fit == "letterbox":
            inner = _largest_inside(picture.size, inner)
        resized = np.asarray(_resized(picture, inner))
        if resized.ndim == 2:
            resized = resized[..., None]
        return self._with_bars(resized)

    def _opaque(self, frame):
        if self.alpha is None:
            raise VideoError(
                "has an alpha channel. Give the colour to lay it on, such as "
                "`alpha=(0, 0, 0)`."
            )
        # round(a * colour + (1 - a) * background), in integers.
        share = frame[..., 3:].astype(np.uint32)
        background = np.array(self.alpha, np.uint32)
        mixed = share * frame[..., :3] + (255 - share) * background
        return ((mixed + 127) // 255).astype(np.uint8)

    def _cropped(self, frame):
        if self.fit != "crop":
            return frame
        inner = _largest_inside(self.frame_shape[1::-1], frame.shape[1::-1])
        top, left = (frame.shape[0] - inner[1]) // 2, (frame.shape[1] - inner[0]) // 2
        return frame[top : top + inner[1], left : left + inner[0]]

    def _with_bars(self, resized):
        if resized.shape == self.frame_shape:
            return resized
        frame = np.zeros(self.frame_shape, np.uint8)
        top = (frame.shape[0] - resized.shape[0]) // 2
        left = (frame.shape[1] - resized.shape[1]) // 2
        height, width = resized.shape[:2]
        frame[top : top + height, left : left + width] = resized
        return frame


def _check_shape(frame_shape):
    is_shape = (
        len(tuple(frame_shape)) == 3
        and all(size == int(size) and size > 0 for size in frame_shape)
        and frame_shape[2] in (1, 3)
    )
    if not is_shape:
        raise ValueError(
            "`frame_shape` must be (height, width, channels) with channels 1 or 3, got "
            f"{frame_shape!r}."
        )


def _check_colour(alpha):
    if len(tuple(alpha)) != 3 or not all(0 <= level <= 255 for level in alpha):
        raise ValueError(
            f"`alpha` must be a colour, 3 ints from 0 to 255, or None, got {alpha!r}."
        )


def _largest_inside(shape, bounds):
    """The largest (width, height) of the proportions of `shape` inside `bounds`."""
    scale = min(bounds[0] / shape[0], bounds[1] / shape[1])
    return tuple(
        min(max(round(scale * size), 1), bound)
        for size, bound in zip(shape, bounds, strict=True)
    )


def _to_pillow(frame):
    if frame.shape[-1] == 1:
        frame = frame[..., 0]
    return Image.fromarray(np.ascontiguousarray(frame))


def _resized(picture, size):
    """Pillow's box filter is the mean over the area; enlarging, it would repeat."""
    for axis in (0, 1):
        wanted = (size[0], picture.size[1]) if axis == 0 else size
        grows = wanted[axis] > picture.size[axis]
        kernel = Image.Resampling.BILINEAR if grows else Image.Resampling.BOX
        picture = picture.resize(wanted, kernel)
    return picture
