"""Histograms of probability integral transforms, and the coverage they tell."""

from collections.abc import Sequence

import numpy as np

from tfsigmavae.typing import Array

# Central intervals of 50, 80, 90 and 95 % end at edges of 40 equal bins.
NUM_BINS = 40
LEVELS = (0.5, 0.8, 0.9, 0.95)


def pit_histogram(values: Array) -> np.ndarray:
    """Density of PIT values in 40 equal bins: 1 everywhere for a calibrated model.

    A U-shape means overconfidence: truths fall into the tails too often, as where sigma
    is too small. A hump means the reverse. A slope means a bias: mass at the right end
    says that truths lie above what was predicted. Pixels of one image are not
    independent, so the scatter of the bins is larger than that of so many numbers.

    Args:
        values: array of any shape, in [0, 1], see `pit` and `pit_of_ensemble`.

    Returns:
        float64 `[40]` with mean 1.

    Raises:
        ValueError: if there are no values, or one lies outside [0, 1].

    Example:
        >>> pit_histogram(np.linspace(0.0, 1.0, 4000, endpoint=False))[:3]
        array([1., 1., 1.])

    Reference: Gneiting et al., 2007 ("Probabilistic forecasts, calibration and
    sharpness"), section 3.1.
    """
    return density(bin_counts(_checked(values).reshape(1, -1))[0])


def coverage(values: Array, levels: Sequence[float] = LEVELS) -> np.ndarray:
    """The share of truths within central intervals: the levels, if calibrated.

    A share below its level means overconfidence (of a Gaussian whose sigma is half the
    error, the interval of 50 % holds 26 %), one above it the reverse.

    Args:
        values: array of any shape, in [0, 1], see `pit` and `pit_of_ensemble`.
        levels: shares in (0, 1) that the intervals should hold. Defaults to `(0.5, 0.8,
            0.9, 0.95)`.

    Returns:
        float64, one share a level.

    Raises:
        ValueError: if there are no values, or one lies outside [0, 1].

    Example:
        >>> coverage(np.linspace(0.0, 1.0, 1001), levels=[0.5]).round(2)
        array([0.5])

    Reference: Gneiting et al., 2007, section 3.2.
    """
    distances = 2.0 * np.abs(_checked(values) - 0.5)
    return np.array([np.mean(distances <= level) for level in levels])


def bin_counts(values) -> np.ndarray:
    """Counts in the bins of each row: values in [0, 1] `[N, M]` -> `[N, 40]`."""
    bins = (values * NUM_BINS).astype(np.int32)
    np.minimum(bins, NUM_BINS - 1, out=bins)
    bins += NUM_BINS * np.arange(len(values), dtype=np.int32)[:, None]
    counts = np.bincount(bins.ravel(), minlength=NUM_BINS * len(values))
    return counts.reshape(len(values), NUM_BINS).astype(np.float64)


def density(counts) -> np.ndarray:
    """Counts `[..., 40]` as densities, whose mean over the bins is 1."""
    return NUM_BINS * counts / counts.sum(-1, keepdims=True)


def coverage_of_counts(counts) -> np.ndarray:
    """The shares within the central intervals of `LEVELS`, of counts `[40]`."""
    tails = [round(NUM_BINS * (1.0 - level) / 2.0) for level in LEVELS]
    inside = [counts[tail : NUM_BINS - tail].sum() for tail in tails]
    return np.array(inside) / counts.sum()


def _checked(values):
    values = np.asarray(values)
    if not (values.size and (values >= 0.0).all() and (values <= 1.0).all()):
        raise ValueError("`values` must be PIT values: some numbers, all in [0, 1].")
    return values
