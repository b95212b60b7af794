"""Many images in one picture."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.pictures.files import to_uint8
from tfsigmavae.pictures.tile_sheet import TEXT_COLOUR, TileSheet
from tfsigmavae.typing import Array

_WHITE = 255


def image_grid(
    images: Array, num_columns: int | None = None, padding: int = 2
) -> np.ndarray:
    """Puts images side by side, row by row, on white.

    Args:
        images: `[N, H, W, C]` with C 1 or 3, uint8 or float in [0, 1].
        num_columns: int > 0, images in a row. Defaults to `None`: about as many as
            there are rows.
        padding: int >= 0, pixels between images and around them. Defaults to `2`.

    Returns:
        `[height, width, C]` uint8 for `write_png`. Image `i` is at row
        `i // num_columns`, column `i % num_columns`.

    Raises:
        TypeError: if `images` are neither uint8 nor floating.
        ValueError: for another shape, or an argument out of its range.

    Example:
        >>> write_png("samples.png", image_grid(model.sample(64), num_columns=8))
    """
    images = _checked(images, "images")
    num_images, height, width, channels = images.shape
    num_columns = (
        math.ceil(math.sqrt(num_images)) if num_columns is None else num_columns
    )
    if num_columns < 1 or padding < 0:
        raise ValueError(
            "`num_columns` must be positive and `padding` not negative, got "
            f"{num_columns!r} and {padding!r}."
        )
    num_columns = min(num_columns, num_images)
    num_rows = math.ceil(num_images / num_columns)
    pitch = height + padding, width + padding
    size = num_rows * pitch[0] + padding, num_columns * pitch[1] + padding
    grid = np.full([*size, channels], _WHITE, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, num_columns)
        top, left = padding + row * pitch[0], padding + column * pitch[1]
        grid[top : top + height, left : left + width] = image
    return grid


def labelled_grid(
    rows: Mapping[str, Array],
    scale: int = 2,
    headings: Sequence[str] | None = None,
    num_columns: int | None = None,
    title: str | None = None,
) -> np.ndarray:
    """Puts rows of images below each other, each with its label, to compare them.

    Args:
        rows: dict of label -> `[N, H, W, C]` images, C 1 or 3, uint8 or float in
            [0, 1]; all with the same N, H and W. Column `i` shows image `i` of all.
        scale: int > 0, screen pixels per pixel; nothing is smoothed. Defaults to `2`.
        headings: one text per column. Defaults to `None`, no headings.
        num_columns: int > 0, images in a row of the picture: what does not fit goes on
            below, under the same labels, first all rows up to this column, then all of
            the next. Defaults to `None`, as many as there are.
        title: text above everything. Defaults to `None`, no text.

    Returns:
        `[height, width, 3]` uint8 for `write_png`.

    Raises:
        TypeError: if images are neither uint8 nor floating.
        ValueError: if rows are missing or differ in shape, or an argument is out of
            its range.

    Example:
        >>> rows = {"test image": images, "reconstruction": model.reconstruct(images)}
        >>> write_png("reconstructions.png", labelled_grid(rows))
    """
    if not rows:
        raise ValueError("`rows` must hold at least one row.")
    check_at_least("scale", scale, 1)
    rows = {
        label: _checked(images, f"rows[{label!r}]") for label, images in rows.items()
    }
    shapes = {label: images.shape[:3] for label, images in rows.items()}
    num_images, *tile_shape = next(iter(shapes.values()))
    if num_columns is not None:
        check_at_least("num_columns", num_columns, 1)
    columns = min(num_columns or num_images, num_images)
    if len(set(shapes.values())) > 1:
        raise ValueError(f"`rows` must agree in number and size, got {shapes}.")
    if headings is not None and len(headings) != columns:
        raise ValueError(
            f"`headings` must hold one text for each of {columns} columns, got "
            f"{len(headings)}."
        )
    labels = list(rows) * math.ceil(num_images / columns)
    texts = [title] if title else []
    sheet = TileSheet(labels, tile_shape, columns, scale, headings, texts)
    sheet.draw_header(sheet.blank, texts, [TEXT_COLOUR] * len(texts))
    for number, images in enumerate(rows.values()):
        for index, image in enumerate(images):
            block, column = divmod(index, columns)
            sheet.place(sheet.blank, image, block * len(rows) + number, column)
    return np.array(sheet.blank)


def _checked(images, name):
    images = to_uint8(images, name)
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` must be [N, H, W, C] with at least one image and C 1 or 3, got "
            f"shape {images.shape}."
        )
    return images
