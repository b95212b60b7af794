"""Averages over clips, and their standard errors."""

import typing

import numpy as np

from tfsigmavae.calibration import jackknife
from tfsigmavae.typing import Array

__all__ = ["MeanAndError", "jackknife", "mean_and_error"]


class MeanAndError(typing.NamedTuple):
    """An average over independent clips.

    Attributes:
        mean: float; an array where each clip has several values, such as a curve.
        error: of the same kind, the standard error of the mean; `None` for one clip.
        count: int, how many clips.
    """

    mean: float | np.ndarray
    error: float | np.ndarray | None
    count: int


def mean_and_error(values: Array) -> MeanAndError:
    """Averages over clips, in float64.

        error = sqrt(sum of (value - mean)**2 / (N - 1)) / sqrt(N)

    Args:
        values: `[N]` or `[N, ...]` array: one value, or a curve, for each clip.

    Returns:
        `MeanAndError`.

    Raises:
        ValueError: if there are no clips, or a value is not finite.

    Example:
        >>> mean_and_error([1.0, 2.0, 3.0])
        MeanAndError(mean=2.0, error=0.5773502691896258, count=3)
    """
    values = np.asarray(values, np.float64)
    if not (values.ndim and len(values)):
        raise ValueError(f"`values` must hold one value a clip, got {values.shape}.")
    finite = np.isfinite(values).reshape(len(values), -1).all(1)
    if not finite.all():
        raise ValueError(
            f"`values` must be finite; those of clip {np.argmin(finite)} are not."
        )
    mean, error = values.mean(0), None
    if len(values) > 1:
        error = values.std(0, ddof=1) / np.sqrt(len(values))
    if values.ndim == 1:
        mean, error = float(mean), None if error is None else float(error)
    return MeanAndError(mean, error, len(values))
