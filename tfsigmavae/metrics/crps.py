"""Continuous ranked probability score of an ensemble."""

import numpy as np

from tfsigmavae.typing import Array

# Numbers sorted at a time, 32 MB of them.
_CHUNK = 2**22


def crps(ensemble: Array, truth: Array, fair: bool = True) -> np.ndarray:
    """Continuous ranked probability score, one figure per element.

        mean |x_i - y| - 1/2 * mean over i != j of |x_i - x_j|        (fair)
        mean |x_i - y| - 1/2 * mean over all i, j of |x_i - x_j|      (plain)

    The lower the better, in the units of the pixels: it is the absolute error where
    the ensemble is one number, and rewards a spread that is as large as the error. The
    fair score has the expectation of an endless ensemble of such members, however few
    there are, and may be below zero. The plain one is that of the ensemble taken for
    all there is, integral of (F(t) - (t >= y))**2 over t: too large for a small one,
    so that ensembles of different sizes must not be compared by it.

    Args:
        ensemble: `[S, ...]` array, S members, floating or uint8 meaning value / 255.
        truth: `[...]` array, of the shape of a member; either kind.
        fair: bool, which of the two. Defaults to `True`, which needs two members.

    Returns:
        float64 array `[...]`.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together, or there are too few members.

    Example:
        >>> crps(np.array([[0.0], [1.0]]), np.array([0.5]), fair=False)
        array([0.25])

    Reference: Gneiting & Raftery, 2007, equation 21; Ferro, 2014 (fair).
    """
    ensemble, truth = np.asarray(ensemble), np.asarray(truth)
    if ensemble.ndim == 0 or ensemble.shape[1:] != truth.shape:
        raise ValueError(
            "`ensemble` must be [S, ...] with members of the shape of `truth`, got "
            f"{ensemble.shape} and {truth.shape}."
        )
    num = len(ensemble)
    if num < 1 + fair:
        raise ValueError(
            f"`ensemble` must have at least {1 + fair} members, got {num}. The score "
            "of one is its absolute error: `fair=False`."
        )
    members, truths = ensemble.reshape(num, -1), truth.ravel()
    step = max(1, _CHUNK // num)
    scores = np.empty(truths.shape)
    for start in range(0, len(truths), step):
        part = slice(start, start + step)
        scores[part] = _crps(
            _floats(members[:, part], "ensemble"), _floats(truths[part], "truth"), fair
        )
    return scores.reshape(truth.shape)


def _crps(members, truth, fair):
    num = len(members)
    error = np.abs(members - truth).mean(0)
    # Sorted, the member at place i is above i others and below num - 1 - i of them:
    # sum over i < j of |x_i - x_j| = sum over i of (2 i - num + 1) x_(i).
    places = 2.0 * np.arange(num) - (num - 1)
    spread = np.sort(np.ascontiguousarray(members.T), axis=1) @ places
    return error - spread / (num * (num - 1) if fair else num**2)


def _floats(pixels, name):
    if pixels.dtype == np.uint8:
        return pixels / 255.0
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(
            f"`{name}` must be uint8 (meaning value / 255) or floating, got dtype "
            f"{pixels.dtype}."
        )
    return pixels.astype(np.float64)
