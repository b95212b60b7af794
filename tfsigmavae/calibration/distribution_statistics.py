"""Sums over clips that tell whether p(x | z) is calibrated, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsigmavae.calibration.histograms import (
    LEVELS,
    NUM_BINS,
    bin_counts,
    coverage_of_counts,
    density,
)
from tfsigmavae.calibration.jackknife import jackknife, total
from tfsigmavae.calibration.pit import draw, generator, pit, unwrapped
from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.typing import Array, Distribution

# Draws for the variance of a distribution that has no formula of it. The sum runs over
# thousands of pixels.
_NUM_DRAWS = 4


def distribution_statistics(
    distribution: Distribution | CoercibleDistribution,
    target: Array,
    seed: int = 0,
    per_example: bool = False,
) -> Any:
    """What `distribution_summary` needs of a batch, summed over its examples.

    Sums over pixels; T is the number of frames, 1 for images:

        count           [T, C]    how many pixels
        squared_error   [T, C]    (x - mean of p(x | z))**2
        variance        [T, C]    variance of p(x | z); where it has no formula
                                  (mixtures), that of 4 draws
        pit             [T, 40]   counts of PIT values in equal bins, see `pit`

    Args:
        distribution: what a decoder returned, batch shape `[B]`.
        target: `[B, H, W, C]` images or `[B, T, H, W, C]` clips, as of `pit`.
        seed: int, of what is random; each batch should have its own. Defaults to `0`.
        per_example: bool, whether to return the statistics of every example.

    Returns:
        dict of float64 arrays, which may be added to those of other batches; with
        `per_example` a list of B of them.

    Raises:
        NoPITError: see `pit`.
        ValueError: if `target` has neither 4 nor 5 axes, or not the shape of the
            distribution.
    """
    values = pit(distribution, target, seed)
    squared_error, variance = _squares(distribution, target, seed)
    if values.ndim not in (4, 5):
        raise ValueError(
            "`target` must be [B, H, W, C] images or [B, T, H, W, C] clips, got shape "
            f"{values.shape}."
        )
    num, size, channels = len(values), values.shape[-3:-1], values.shape[-1]
    counts = bin_counts(values.reshape(values.size // (np.prod(size) * channels), -1))
    sums = {
        "count": np.full_like(_per_channel(variance), np.prod(size)),
        "squared_error": _per_channel(squared_error),
        "variance": _per_channel(variance),
        "pit": counts.reshape(num, -1, NUM_BINS),
    }
    examples = [{name: sums[name][i] for name in sums} for i in range(num)]
    return examples if per_example else total(examples)


def sigma_ratio(
    distribution: Distribution | CoercibleDistribution, target: Array
) -> float:
    """Root mean squared error over root mean variance: 1 if calibrated.

        sqrt(mean of (x - mean of p)**2) / sqrt(mean of the variance of p)

    Above 1 the model is overconfident: errors are so many times larger than its sigma
    says. Below 1 it is underconfident.

    Args:
        distribution: what a decoder returned, or a `tfd.Distribution`.
        target: pixels of batch shape plus event shape, as of `pit`.

    Returns:
        float; NaN where the variance is infinite, as of Student's t it may be.

    Reference: Rybkin et al., 2021, section 4 (the optimal sigma is the error).
    """
    squared_error, variance = _squares(distribution, target, seed=0)
    sums = {"squared_error": squared_error, "variance": variance}
    return float(_ratio({name: np.float64(v).ravel() for name, v in sums.items()}))


def distribution_summary(
    per_clip: Sequence[Mapping[str, Any]],
    label: str = "reconstructions (posterior sample)",
) -> dict:
    """Whether predicted distributions are calibrated, from their statistics.

    Args:
        per_clip: list of what `distribution_statistics` returned, one for each clip
            (image), between which the errors are taken.
        label: what was predicted. Defaults to `"reconstructions (posterior sample)"`.

    Returns:
        dict of JSON values: `sigma` (see `sigma_ratio`; for each channel and frame
        too), `pit` (see `pit_histogram`; `deviation` is the mean of |density - 1|) and
        `coverage` (see `coverage`). Errors are standard errors by the jackknife over
        clips, `None` for a single one; `steps` is `None` for images.
    """
    sums = total(per_clip)
    _, ratio_error = jackknife(per_clip, _ratio)
    num_steps, num_channels = sums["count"].shape
    return {
        "label": label,
        "sigma": {
            **_sigma(sums),
            "error": number(ratio_error),
            "calibrated": 1.0,
            "channels": [_sigma(sums, np.s_[:, c]) for c in range(num_channels)],
            "steps": steps(num_steps, lambda step: _sigma(sums, step)),
        },
        "pit": pit_summary(per_clip),
        "coverage": coverage_summary(per_clip),
    }


def pit_summary(per_clip) -> dict:
    """The histogram of counts `[T, 40]`: over all frames and for each of them."""
    pit_counts = [{"pit": part["pit"].sum(0)} for part in per_clip]
    densities, error = jackknife(pit_counts, lambda sums: density(sums["pit"]))
    counts = total(per_clip)["pit"]
    return {
        "density": densities.tolist(),
        "error": None if error is None else error.tolist(),
        "calibrated": 1.0,
        "deviation": float(np.abs(densities - 1.0).mean()),
        "steps": steps(len(counts), lambda step: density(counts[step]).tolist()),
    }


def coverage_summary(per_clip) -> dict:
    """The shares within central intervals, with errors over clips."""
    pit_counts = [{"pit": part["pit"].sum(0)} for part in per_clip]
    share, error = jackknife(pit_counts, lambda sums: coverage_of_counts(sums["pit"]))
    return {
        "levels": list(LEVELS),
        "share": share.tolist(),
        "error": [None] * len(LEVELS) if error is None else error.tolist(),
    }


def steps(num_steps, function):
    """`function` of every step of a horizon; `None` where there is one only."""
    return [function(step) for step in range(num_steps)] if num_steps > 1 else None


def number(value):
    """A JSON number, `None` for what is not finite."""
    return float(value) if value is not None and np.isfinite(value) else None


def root_of_ratio(sums, numerator, denominator, part: Any = np.s_[:]):
    """sqrt(sum / sum) of two additive statistics; NaN where there is none."""
    below = np.sum(sums[denominator][part])
    above = np.sum(sums[numerator][part])
    # An infinite variance (Student's t) has no ratio, and is no 0.
    return np.sqrt(above / below) if 0.0 < below < np.inf else np.nan


def _ratio(sums, part=np.s_[:]):
    return root_of_ratio(sums, "squared_error", "variance", part)


def _sigma(sums, part: Any = np.s_[:]):
    return {
        "rmse": number(root_of_ratio(sums, "squared_error", "count", part)),
        "sigma": number(root_of_ratio(sums, "variance", "count", part)),
        "ratio": number(_ratio(sums, part)),
    }


def _squares(distribution, target, seed):
    """Squared errors and variances, of the shape of the target."""
    distribution, target = unwrapped(distribution, target)
    mean = distribution.mean().numpy()
    return np.square(target.numpy() - mean), _variance(distribution, mean, seed)


def _variance(distribution, mean, seed):
    try:
        return distribution.variance().numpy()
    except NotImplementedError:
        rng = generator(seed, 1)
        draws = [draw(distribution, rng).numpy() for _ in range(_NUM_DRAWS)]
        return sum(np.square(member - mean) for member in draws) / _NUM_DRAWS


def _per_channel(values):
    """Sums over height and width: `[B, (T,) H, W, C]` -> `[B, T, C]`."""
    sums = values.sum((-3, -2), np.float64)
    return sums.reshape(len(values), -1, values.shape[-1])
