"""Standard errors of figures that are no plain averages over clips."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

# More groups change an error by less than its own scatter, 1 / sqrt(2 * groups).
_NUM_GROUPS = 100


def total(parts) -> dict:
    """Sums additive statistics: a list of dicts of arrays -> one dict."""
    parts = list(parts)
    if not parts:
        raise ValueError("There are no statistics to sum, `parts` is empty.")
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def jackknife(
    parts: Sequence[Mapping[str, Any]], function: Callable[[dict[str, Any]], Any]
) -> tuple[Any, Any]:
    """A function of sums over clips, and its standard error over the clips.

        error**2 = (n - 1) / n * sum over i of (f_i - mean of f)**2

    with f_i the function without part i. Of more than 100 parts, 100 groups are left
    out in turn. What clips share (the weights of the model) is no part of the error.

    Args:
        parts: list of dicts of additive arrays, one for each clip (independent of one
            another: not the frames of a clip).
        function: from the dict of sums to a number or an array.

    Returns:
        The function of all parts, and its error; of a single part the error is `None`.

    Raises:
        ValueError: if there are no parts.

    Example:
        >>> jackknife([{"x": 1.0}, {"x": 2.0}, {"x": 3.0}], lambda sums: sums["x"])[0]
        6.0

    Reference: Quenouille, 1956; Tukey, 1958.
    """
    parts = list(parts)
    sums = total(parts)
    value = function(sums)
    num = min(len(parts), _NUM_GROUPS)
    if num == 1:
        return value, None
    groups = [total(parts[first::num]) for first in range(num)]
    # An infinite sum less an infinite part is NaN, and so is the error.
    with np.errstate(invalid="ignore"):
        rest = [{name: sums[name] - part[name] for name in sums} for part in groups]
    without = np.array([function(one) for one in rest])
    variance = (num - 1) / num * np.square(without - without.mean(0)).sum(0)
    return value, np.sqrt(variance)
