"""Pixels as uint8, as Pillow pictures and as PNG files."""

import io
import pathlib

import numpy as np
from PIL import Image

from tfsigmavae.files import write_bytes
from tfsigmavae.math import to_unit_range
from tfsigmavae.typing import Array, PathLike


def to_uint8(pixels: Array, name: str = "pixels") -> np.ndarray:
    """Gives pixels, uint8 or float in [0, 1], as a uint8 array, rounded to nearest.

    Args:
        pixels: array or tensor of any shape, or lists of such.
        name: how the error message calls it.

    Raises:
        TypeError: for any other dtype.
        tf.errors.InvalidArgumentError: for floats outside [0, 1] or not finite.
    """
    if isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8:
        return pixels
    levels = 255.0 * to_unit_range(pixels, name).numpy()
    return np.rint(np.clip(levels, 0.0, 255.0)).astype(np.uint8)


def to_pillow(image) -> Image.Image:
    """Gives a uint8 `[H, W, C]` array, C 1 or 3, as a Pillow picture."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def write_png(path: PathLike, image: Array) -> pathlib.Path:
    """Writes one picture as a PNG, lossless, whole or not at all.

    Args:
        path: file to write, ending in `.png`; an existing one is replaced and a
            missing parent folder is made.
        image: `[H, W, C]` with C 1 or 3, uint8 or float in [0, 1].

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        TypeError: if `image` is neither uint8 nor floating.
        ValueError: for another shape or suffix.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"`path` must end in .png, got {path.name!r}.")
    return write_bytes(path, encode_png(image))


def encode_png(image) -> bytes:
    """Encodes one picture as the bytes of a PNG, see `write_png`."""
    image = to_uint8(image, "image")
    if image.ndim != 3 or 0 in image.shape or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"`image` must be [H, W, C] with C 1 or 3, got shape {image.shape}."
        )
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, format="PNG")
    return buffer.getvalue()
