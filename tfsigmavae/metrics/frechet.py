"""Frechet distance between two clouds of features."""

import warnings
from typing import Any

import numpy as np

from tfsigmavae.typing import Array


class FewSamplesWarning(UserWarning):
    """Samples are few for their number of features: a distance is biased upwards."""


def frechet_distance(features: Array, references: Array) -> float:
    """Squared Frechet distance between Gaussians fitted to two sets of features.

        |m1 - m2|**2 + tr(C1) + tr(C2) - 2 tr((C1^(1/2) C2 C1^(1/2))^(1/2))

    Its value depends on the network that made the features and, being biased upwards
    for few of them, on how many there are: state both, and compare figures of one
    network and one number of samples only. It is the FID of the literature with that
    paper's Inception weights alone (`extractors.Inception2015`), and the FVD with those
    of I3D (`extractors.I3D`).

    The last term is the sum of the singular values of A1 A2', for any A with A' A = C:
    for the triangles of QR factorisations, no digits are lost to a root of rounding
    errors where a covariance is singular.

    Args:
        features: `[N, F]` array, N >= 2. Below 2 F a `FewSamplesWarning` is given.
        references: `[M, F]` array, M >= 2, the same.

    Returns:
        float >= 0, computed in float64.

    Raises:
        ValueError: if an array is not a matrix of at least two finite rows, or the two
            have other numbers of columns.

    Example:
        >>> frechet_distance([[-1.0], [1.0]], [[2.0], [4.0]])    # equal variances
        9.0

    Reference: Dowson & Landau, 1982, equation 4; Heusel et al., 2017.
    """
    features, references = check_features(features, references)
    _warn_of_few(len(features), len(references), features.shape[1])
    mean, triangle = _moments(features)
    other_mean, other_triangle = _moments(references)
    cross = np.linalg.svd(triangle @ other_triangle.T, compute_uv=False).sum()
    shift = np.square(mean - other_mean).sum()
    traces = np.square(triangle).sum() + np.square(other_triangle).sum()
    # Rounding may leave it just below zero.
    return max(float(shift + traces - 2.0 * cross), 0.0)


def check_features(features, references) -> list[np.ndarray]:
    """Gives two sets of features as float64 matrices; `ValueError` if they are none."""
    matrices = []
    for name, rows in [("features", features), ("references", references)]:
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
            raise ValueError(
                f"`{name}` must be a matrix of at least two rows of finite numbers, "
                f"got shape {rows.shape}."
            )
        matrices.append(rows)
    sizes = [rows.shape[1] for rows in matrices]
    if sizes[0] != sizes[1]:
        raise ValueError(
            "`features` and `references` must have the same number of columns, got "
            f"{sizes[0]} and {sizes[1]}."
        )
    return matrices


def _moments(features) -> tuple[np.ndarray, Any]:
    """The mean, and a triangle R with R' R the covariance (of a sample)."""
    mean = features.mean(0)
    deviations = (features - mean) / np.sqrt(len(features) - 1)
    return mean, np.linalg.qr(deviations, mode="r")


def _warn_of_few(num, num_references, num_features):
    if min(num, num_references) < 2 * num_features:
        warnings.warn(
            f"A Frechet distance of {num_features} features from {num} and "
            f"{num_references} samples is biased upwards: have {2 * num_features} "
            "samples of each (2 x features), or compare it only with distances of "
            "these very numbers.",
            FewSamplesWarning,
            stacklevel=3,
        )
