"""Resizing of one frame."""

import numpy as np


def resize(frame, height: int, width: int) -> np.ndarray:
    """Resizes a frame, by area where it shrinks, linearly where it grows.

    A pixel of a smaller picture is the mean over its area, with parts of pixels counted
    in part, so that fine patterns do not flicker. Height and width are resized one
    after the other, each in its own way, and rounded at the end.

    Args:
        frame: uint8 `[H, W, C]`.
        height, width: int, those wanted.

    Returns:
        uint8 `[height, width, C]`; `frame` itself if it has that size.
    """
    if frame.shape[:2] == (height, width):
        return frame
    if abs(frame.strides[0]) < abs(frame.strides[1]):
        # A turned frame: its columns lie in memory as rows, which are read faster.
        return resize(frame.swapaxes(0, 1), width, height).swapaxes(0, 1)
    # Rows first: that works on whole rows of memory and leaves less for the columns.
    columns = _resize_rows(frame, height).swapaxes(0, 1)
    resized = _resize_rows(columns, width).swapaxes(0, 1)
    return np.rint(resized).astype(np.uint8)


def _resize_rows(pixels, size):
    old = len(pixels)
    if size == old:
        return pixels
    return _areas(pixels, old, size) if size < old else _lines(pixels, old, size)


def _areas(pixels, old, size):
    """Means over the rows from `number * old / size` to the next such edge."""
    first, part = np.divmod(np.arange(size) * old, size)
    dtype = np.uint32 if pixels.dtype == np.uint8 else np.float32
    sums = np.empty([size, *pixels.shape[1:]], dtype)
    # Measured: five times as fast as `np.add.reduceat`.
    for total, start, end in zip(sums, first, [*first[1:], old], strict=True):
        np.add.reduce(pixels[start:end], axis=0, dtype=dtype, out=total)
    # Of the rows that an edge divides, a part belongs to the neighbour before.
    before = _column(part / size) * pixels[first]
    after = np.roll(before, -1, axis=0)  # that of the first edge is 0
    return (sums.astype(np.float32) - before + after) * np.float32(size / old)


def _lines(pixels, old, size):
    """Values between the two rows whose centres lie on both sides."""
    centre = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    lower = np.floor(centre).astype(int)
    upper = np.minimum(lower + 1, old - 1)
    share = _column(centre - lower)
    return (1 - share) * pixels[lower] + share * pixels[upper]


def _column(values):
    return values.astype(np.float32)[:, None, None]
