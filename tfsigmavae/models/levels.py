"""Resolutions and channels of a ladder of latents."""

import itertools


def default_levels(image_shape) -> list[tuple[int, int]]:
    """From half the image down to 4 pixels, as far as both sides can be halved.

    Args:
        image_shape: (height, width, channels).

    Raises:
        ValueError: if there is no such level.
    """
    rows, columns, _ = image_shape
    resolutions = []
    while rows % 2 == 0 and columns % 2 == 0 and min(rows, columns) >= 8:
        rows, columns = rows // 2, columns // 2
        resolutions.insert(0, rows)
    if not resolutions:
        raise ValueError(
            "`image_shape` must have even sides of at least 8, or `levels` be given, "
            f"got {image_shape}."
        )
    return [(rows, max(16 >> index, 2)) for index, rows in enumerate(resolutions)]


def checked_levels(levels, image_shape) -> tuple[tuple[int, int], ...]:
    """Levels as tuples, or an error if they do not fit the image or one another.

    Args:
        levels: pairs (resolution, channels), coarsest first.
        image_shape: (height, width, channels).

    Raises:
        ValueError: if they do not fit.
    """
    levels = tuple(tuple(level) for level in levels)
    if not levels or any(len(level) != 2 or min(level) < 1 for level in levels):
        raise ValueError(
            "`levels` must be pairs (resolution, channels) of positive numbers, "
            f"coarsest first, got {levels}."
        )
    height, width, _ = image_shape
    rows = [*(resolution for resolution, _ in levels), height]
    if any(b % a for a, b in itertools.pairwise(rows)) or width * rows[0] % height:
        raise ValueError(
            "`levels` must have resolutions of which each divides the next, and the "
            f"last the height of the image, its width alike; got {levels} for "
            f"`image_shape` {image_shape}."
        )
    return levels
