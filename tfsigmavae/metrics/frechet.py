"""Frechet distance between two clouds of features."""

import numpy as np


def frechet_distance(features, references) -> float:
    """Squared Frechet distance between Gaussians fitted to two sets of features.

        |m1 - m2|**2 + tr(C1) + tr(C2) - 2 tr((C1^(1/2) C2 C1^(1/2))^(1/2))

    Its value depends on the network that made the features and, being biased upwards
    for few of them, on how many there are: state both, and compare figures of one
    network and one number of samples only. It is the FID of the literature with that
    paper's Inception weights alone.

    Args:
        features: `[N, F]` array, N >= 2.
        references: `[M, F]` array, M >= 2.

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
    (mean, covariance), (other_mean, other_covariance) = (
        _moments(features, "features"),
        _moments(references, "references"),
    )
    if mean.shape != other_mean.shape:
        raise ValueError(
            "`features` and `references` must have the same number of columns, got "
            f"{mean.size} and {other_mean.size}."
        )
    root = _symmetric_root(covariance)
    # tr((R C R)^(1/2)) is the sum of the roots of the eigenvalues; R C R is symmetric
    # and positive, so nothing complex ever appears.
    eigenvalues = np.linalg.eigvalsh(root @ other_covariance @ root)
    cross = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    shift = np.square(mean - other_mean).sum()
    distance = shift + np.trace(covariance) + np.trace(other_covariance) - 2.0 * cross
    return max(float(distance), 0.0)  # rounding may leave it just below


def _moments(features, name):
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2 or not np.isfinite(features).all():
        raise ValueError(
            f"`{name}` must be a matrix of at least two rows of finite numbers, got "
            f"shape {features.shape}."
        )
    return features.mean(0), np.atleast_2d(np.cov(features, rowvar=False))


def _symmetric_root(matrix):
    eigenvalues, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.T
