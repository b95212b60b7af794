"""GIF: frames that store what has changed, each with colours of its own."""

from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image

_MOST_COLOURS = 256
# Pixels among which the colours are chosen: 65,000 took five times as long and gave
# files of the same size within 0.3 dB.
_MOST_SAMPLED = 16_384
_KEEP_BELOW = 1  # the graphic control's way to leave a frame where it is
_QUANTIZERS = {
    # Measured on 64x64 films and on sheets of 24 tiles: maximum coverage refined by
    # k-means gives 2 to 5 dB more than median cut, in a smaller file.
    "best": {"method": Image.Quantize.MAXCOVERAGE, "kmeans": 1},
    "fast": {"method": Image.Quantize.FASTOCTREE},
}


def encode_gif(frames, durations, palette="best", tolerance=6) -> bytes:
    """Encodes frames as a GIF that loops for ever, a frame each, even where none moves.

    A frame stores the pixels that must be drawn anew, and is transparent elsewhere, so
    that what rests costs next to nothing and does not flicker. Its colours are chosen
    among those pixels only. A pixel is not drawn while what is shown is at most
    `tolerance` off, or at most twice that and the clip has not changed by more than
    `tolerance` since it was drawn. Frames of up to 256 colours are exact.

    Args:
        frames: `[T, H, W, C]` uint8 with C 1 or 3.
        durations: list of T ints, milliseconds, multiples of 10.
        palette: `"best"` or `"fast"`. Defaults to `"best"`.
        tolerance: int >= 0, levels of 255 in any channel. Defaults to `6`.

    Returns:
        `bytes`.
    """
    frames = np.broadcast_to(frames, [*frames.shape[:-1], 3])
    height, width = frames.shape[1:3]
    # No colours for all frames: every one has its own.
    screen = np.array([width, height], "<u2").tobytes() + bytes([0x70, 0, 0])
    forever = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    parts = [b"GIF89a", screen, forever]
    canvas = _Canvas(tolerance, palette)
    for frame, duration in zip(frames, durations, strict=True):
        picture, (top, left), transparent = canvas.draw(frame)
        options = {} if transparent is None else {"transparency": transparent}
        parts += GifImagePlugin.getdata(
            picture,
            (left, top),
            duration=duration,
            disposal=_KEEP_BELOW,
            include_color_table=True,
            **options,
        )
    return b"".join([*parts, b";"])


class _Canvas:
    """What a player shows, and which pixels the next frame must draw."""

    def __init__(self, tolerance, palette):
        self.tolerance = tolerance
        self.palette = palette
        self.shown: Any = None
        self.drawn: Any = None  # what each pixel should have been when it was drawn

    def draw(self, frame):
        """The picture to store, its top and left, and its transparent index or `None`.

        Args:
            frame: `[H, W, 3]` uint8, what should be shown.
        """
        codes = _codes(frame)
        exact = _has_few_colours(codes)
        if self.shown is None:
            self.shown, self.drawn = frame.copy(), frame.copy()
            changed = np.ones(codes.shape, bool)
        else:
            changed = self._changed(frame, exact)
        box = _bounds(changed)
        mask = changed[box]
        if exact and np.unique(codes[box][mask]).size == _MOST_COLOURS:
            mask = np.ones_like(mask)  # no index is left for what does not change
        pixels = frame[box][mask]
        most = _MOST_COLOURS - (not mask.all())  # one index for what is not drawn
        colours, indices = _reduced(pixels, codes[box][mask], most, self.palette)
        self.shown[box][mask] = colours[indices]
        self.drawn[box][mask] = pixels
        transparent = None if mask.all() else len(colours)
        picture = _picture(mask, indices, colours, transparent is not None)
        return picture, (box[0].start, box[1].start), transparent

    def _changed(self, frame, exact):
        error = _distance(frame, self.shown)
        if exact:
            return error > 0
        drift = _distance(frame, self.drawn)
        moved = (drift > self.tolerance) | (error > 2 * self.tolerance)
        return (error > self.tolerance) & moved


def _picture(mask, indices, colours, has_blank):
    """A picture with a palette, whose last colour stands for what is not drawn."""
    if has_blank:
        colours = np.concatenate([colours, np.zeros([1, 3], np.uint8)])
    pixels = np.full(mask.shape, len(colours) - 1, np.uint8)
    pixels[mask] = indices
    picture = Image.fromarray(pixels)
    picture.putpalette(colours.tobytes())
    return picture


def _bounds(changed):
    """The smallest box that holds every change; one pixel where there is none."""
    ends = []
    for axis in (1, 0):
        where = np.flatnonzero(changed.any(axis))
        ends.append(slice(int(where[0]), int(where[-1]) + 1) if len(where) else None)
    return tuple(slice(0, 1) if end is None else end for end in ends)


def _has_few_colours(codes, most=_MOST_COLOURS):
    # A few pixels tell it of most frames that have many.
    some = codes.ravel()[:: max(1, codes.size // 4096)]
    return all(np.unique(each).size <= most for each in (some, codes))


def _reduced(pixels, codes, most, palette):
    """`[N, 3]` colours and an index for each pixel; exact where there are few."""
    if _has_few_colours(codes, most):
        used, indices = np.unique(codes, return_inverse=True)
        colours = np.stack([used >> 16, used >> 8 & 255, used & 255], axis=1)
        return colours.astype(np.uint8), indices
    column = Image.fromarray(pixels[:: -(-len(pixels) // _MOST_SAMPLED), None])
    # Dithering would flicker.
    how = _QUANTIZERS[palette] | {"dither": Image.Dither.NONE}
    reduced = column.quantize(most, **how)
    colours = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
    return colours[:most], _nearest(pixels, colours[:most])


def _nearest(pixels, colours):
    """Index of the nearest colour for each pixel, which counts in steps of two levels.

    Pillow applies given colours by a coarser lookup, which is up to 7 dB worse.
    """
    cells = _codes(pixels >> 1, bits=7)
    used = np.unique(cells)
    centres = np.stack([used >> 14, used >> 7 & 127, used & 127], axis=1) * 2.0 + 0.5
    colours = colours.astype(np.float32)
    lookup = np.zeros(1 << 21, np.uint8)
    for start in range(0, len(used), 16_384):  # 16 MB at a time
        part = slice(start, start + 16_384)
        products = centres[part].astype(np.float32) @ colours.T
        lookup[used[part]] = np.argmin(np.square(colours).sum(1) - 2 * products, axis=1)
    return lookup[cells]


def _codes(pixels, bits=8):
    """A number for each colour, uint8 `[..., 3]` -> `[...]`."""
    red, green, blue = (pixels[..., i].astype(np.int32) for i in range(3))
    return red << 2 * bits | green << bits | blue


def _distance(a, b):
    """Largest difference in any channel, uint8 `[..., 3]` -> `[...]`."""
    difference = np.maximum(a, b) - np.minimum(a, b)
    return np.maximum(
        np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2]
    )
