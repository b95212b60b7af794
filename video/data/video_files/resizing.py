"""Resizing of one frame."""

import numpy as np
from PIL import Image


def resize(frame, height: int, width: int) -> np.ndarray:
    """Resizes a frame, by area where it shrinks, linearly where it grows.

    A pixel of a smaller picture is the mean over its area, with parts of pixels counted
    in part, so that fine patterns do not flicker. Height and width are resized one
    after the other, each in its own way, rounded to grey levels in between.

    Args:
        frame: uint8 `[H, W, C]`.
        height, width: int, those wanted.

    Returns:
        uint8 `[height, width, C]`; `frame` itself if it has that size.
    """
    if frame.shape[:2] == (height, width):
        return frame
    if abs(frame.strides[0]) < abs(frame.strides[1]):
        # A turned frame: its columns lie in memory as rows, and copying it is slow.
        return resize(frame.swapaxes(0, 1), width, height).swapaxes(0, 1)
    has_one_channel = frame.shape[-1] == 1
    frame = np.ascontiguousarray(frame[..., 0] if has_one_channel else frame)
    picture = Image.fromarray(frame)
    for size in ((width, picture.height), (width, height)):
        grows = size[0] > picture.width or size[1] > picture.height
        # Where it enlarges, Pillow's box filter would repeat pixels.
        kernel = Image.Resampling.BILINEAR if grows else Image.Resampling.BOX
        picture = picture.resize(size, kernel)
    resized = np.asarray(picture)
    return resized[..., None] if has_one_channel else resized
