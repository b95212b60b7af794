"""Kernel distance between two clouds of features."""

from typing import NamedTuple

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.metrics.frechet import check_features
from tfsigmavae.typing import Array

_LARGEST_SUBSET = 1_000  # that of the paper


class KernelDistance(NamedTuple):
    """A kernel distance and its standard error."""

    value: float
    error: float


def kernel_distance(
    features: Array,
    references: Array,
    num_subsets: int = 100,
    subset_size: int | None = None,
    seed: int = 0,
) -> KernelDistance:
    """Squared maximum mean discrepancy of two sets of features, without bias.

        mean over i != j of k(x_i, x_j) + mean over i != j of k(y_i, y_j)
            - 2 * mean over i, j of k(x_i, y_j),     k(x, y) = (x.y / F + 1)**3

    averaged over pairs of random subsets. Unlike the Frechet distance it has the same
    expectation for any number of samples, and may come out just below zero for sets of
    one distribution. It is the KID of the literature with that paper's Inception
    weights alone (`extractors.Inception2015`).

    The error is that of sets drawn anew, by the scatter S**2 of the subsets: they are
    what is left where the other samples are left out (the delete-d jackknife). With m
    samples in a subset and n in the smaller set,

        error**2 = S**2 * (m / (n - m) + 1 / num_subsets)

    Rows that belong together, such as those of the frames of a clip, are alike: they
    are one sample, drawn and left out together, and within a set no two of them are
    compared.

    Args:
        features: `[N, F]` array, N >= 4; or `[N, T, F]`, T rows of each sample.
        references: `[M, F]` or `[M, T, F]` array, M >= 4.
        num_subsets: int >= 2. Defaults to `100`.
        subset_size: int >= 2, samples of either set in a subset, fewer than there are
            in the smaller set. Defaults to `None`: as many as have 1,000 rows, or half
            of the smaller set where that is less.
        seed: int, of the subsets. Defaults to `0`.

    Returns:
        `KernelDistance(value, error)`, floats computed in float64.

    Raises:
        ValueError: if an array does not hold enough samples, or what is not finite, the
            two have other numbers of columns, or a number is out of its range.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(2, 500, 8))
        >>> value, error = kernel_distance(rows[0], rows[1] + 1.0, num_subsets=10)
        >>> value > 10 * error
        True

    Reference: Binkowski et al., 2018; Shao & Wu, 1989.
    """
    features, references = _samples(features, references)
    smaller = min(len(features), len(references))
    num_rows = max(features.shape[1], references.shape[1])
    size = _subset_size(subset_size, smaller, num_rows)
    check_at_least("num_subsets", num_subsets, 2)
    rng = np.random.default_rng(seed)
    values = [
        _squared_discrepancy(
            *(
                rows[rng.choice(len(rows), size, replace=False)]
                for rows in (features, references)
            )
        )
        for _ in range(num_subsets)
    ]
    share = size / (smaller - size) + 1.0 / num_subsets
    error = np.sqrt(np.var(values, ddof=1) * share)
    return KernelDistance(float(np.mean(values)), float(error))


def _samples(*sets) -> list[np.ndarray]:
    """Both sets `[N, T, F]`, checked."""
    counts = [np.shape(rows)[1] if np.ndim(rows) == 3 else 1 for rows in sets]
    matrices = check_features(
        *(
            np.reshape(rows, (-1, np.shape(rows)[-1])) if np.ndim(rows) == 3 else rows
            for rows in sets
        )
    )
    return [
        rows.reshape(-1, count, rows.shape[1])
        for rows, count in zip(matrices, counts, strict=True)
    ]


def _subset_size(size, smaller, num_rows):
    if smaller < 4:
        raise ValueError(
            "`features` and `references` must have at least 4 rows each, got "
            f"{smaller} in the smaller one."
        )
    if size is None:
        return min(max(2, _LARGEST_SUBSET // num_rows), smaller // 2)
    check_at_least("subset_size", size, 2)
    if size >= smaller:
        raise ValueError(
            f"`subset_size` must be less than the {smaller} rows of the smaller set, "
            f"got {size}: `None` takes half of them."
        )
    return size


def _squared_discrepancy(features, references):
    total = 0.0
    for rows in (features, references):
        kernel = _kernel(rows, rows)
        size, count, _ = rows.shape
        own = np.einsum("itiu->", kernel.reshape(size, count, size, count))
        total += (kernel.sum() - own) / (size * (size - 1) * count**2)
    return total - 2.0 * _kernel(features, references).mean()


def _kernel(rows, others):
    """Of every row of some samples with every row of others, a matrix."""
    rows, others = (part.reshape(-1, part.shape[-1]) for part in (rows, others))
    base = rows @ others.T / rows.shape[1] + 1.0
    return base * base * base  # `** 3` takes ten times as long
