"""Actions of the pushing data by name, to steer the hand with."""

from collections.abc import Sequence

import numpy as np

# The hand's middle speed of 2.6 pixels of 64 a frame, in table widths; y points down.
_SPEED = 2.6 / 64
_WAYS = {
    "stay": (0, 0),
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
}
# Name -> action (dx, dy, 0, 0).
DIRECTIONS = {
    name: (_SPEED * x, _SPEED * y, 0.0, 0.0) for name, (x, y) in _WAYS.items()
}


def steer(directions: str | Sequence[str]) -> np.ndarray:
    """Actions that move the hand in named directions, one a frame.

    Args:
        directions: names of `pushing.DIRECTIONS`, "left, left, up" or a list of them.

    Returns:
        `[T, 4]` float32, (dx, dy, 0, 0) in table widths as `pushing.episodes` gives.

    Raises:
        ValueError: if a name is unknown, or there is none.

    Example:
        >>> steer("left, left, up").shape
        (3, 4)
    """
    if isinstance(directions, str):
        directions = directions.split(",")
    names = [name.strip().lower() for name in directions]
    unknown = [name for name in names if name not in DIRECTIONS]
    if unknown or not names:
        raise ValueError(
            f"Unknown direction {unknown[0] if unknown else ''!r}. Choose from "
            f"{', '.join(DIRECTIONS)}, such as 'left,left,up'."
        )
    return np.array([DIRECTIONS[name] for name in names], np.float32)
