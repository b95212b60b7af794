"""Crop, size and channels of one picture."""

import dataclasses
import numbers

import numpy as np
from PIL import Image

_MODES = {1: "L", 3: "RGB"}


@dataclasses.dataclass(frozen=True)
class Transform:
    """What happens to every picture, in this order: channels, crop, size.

    Args:
        size: see `load`.
        crop: see `load`.
        channels: see `load`.

    Call arguments:
        picture: `PIL.Image.Image` of mode "L" or "RGB".
        name: what error messages call the picture.

    Returns:
        `[H, W, C]` uint8 array.

    Raises:
        ValueError: if an argument is out of its range or does not fit the picture.
    """

    size: int | tuple | None = None
    crop: str | tuple | None = None
    channels: int | None = None

    def __post_init__(self):
        sides = self.size if isinstance(self.size, (tuple, list)) else [self.size] * 2
        if self.size is not None and not (
            len(sides) == 2 and all(map(_is_side, sides))
        ):
            raise ValueError(
                f"`size` must be a positive int or (height, width), got {self.size!r}."
            )
        if self.crop not in (None, "square") and not _is_box(self.crop):
            raise ValueError(
                '`crop` must be "square" or (left, top, right, bottom) with left < '
                f"right and top < bottom, not negative, got {self.crop!r}."
            )
        if self.channels not in (None, 1, 3):
            raise ValueError(f"`channels` must be 1 or 3, got {self.channels!r}.")

    def __call__(self, picture, name):
        if self.channels is not None:
            picture = picture.convert(_MODES[self.channels])
        if self.crop is not None:
            picture = picture.crop(self._box(*picture.size, name))
        if self.size is not None:
            picture = picture.resize(
                self._width_and_height(*picture.size, name), Image.Resampling.BILINEAR
            )
        image = np.asarray(picture)
        return image[..., None] if image.ndim == 2 else image

    @property
    def is_identity(self):
        return self == Transform()

    def _box(self, width, height, name):
        if self.crop == "square":
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            return left, top, left + side, top + side
        if self.crop[2] > width or self.crop[3] > height:  # pyright: ignore[reportOptionalSubscript]
            # Pillow would fill with black.
            raise ValueError(
                f"`crop` {self.crop} reaches beyond {name}, {width} wide and {height} "
                "high."
            )
        return self.crop

    def _width_and_height(self, width, height, name):
        if isinstance(self.size, (tuple, list)):
            return self.size[::-1]
        if width != height:
            raise ValueError(
                f"`size` {self.size} would distort {name}, {width} wide and {height} "
                'high. Pass `crop="square"` too, or `size` as (height, width).'
            )
        return self.size, self.size


def _is_side(value):
    return isinstance(value, numbers.Integral) and int(value) > 0


def _is_box(crop):
    if not isinstance(crop, (tuple, list)) or len(crop) != 4:
        return False
    left, top, right, bottom = crop
    return all(isinstance(side, numbers.Integral) for side in crop) and (
        0 <= left < right and 0 <= top < bottom
    )
