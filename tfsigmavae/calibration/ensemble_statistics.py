"""Sums over clips that tell whether an ensemble is calibrated, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsigmavae.calibration.distribution_statistics import (
    coverage_summary,
    number,
    pit_summary,
    root_of_ratio,
    steps,
)
from tfsigmavae.calibration.histograms import bin_counts
from tfsigmavae.calibration.jackknife import jackknife, total
from tfsigmavae.calibration.pit import (
    as_members,
    below_and_equal,
    generator,
    pit_of_ensemble,
    spread_over_ranks,
)
from tfsigmavae.typing import Array, Pixels

_SPREAD_SKILL = ("spread", "skill", "ratio")
_CRPS = ("value", "expected", "ratio")


def ensemble_statistics(ensemble: Pixels, truth: Pixels, seed: int = 0) -> dict:
    """What `ensemble_summary` needs of the sampled futures of one clip.

    Sums over the pixels of each frame, with x the members, m their mean, y the truth:

        count              [T]       how many pixels
        ensemble_variance  [T]       sum over members of (x - m)**2 / (S - 1)
        squared_error      [T]       (m - y)**2
        crps               [T]       mean |x - y| - expected_crps, the fair CRPS
        expected_crps      [T]       1/2 of the mean |x - x'| of two different members:
                                     what the CRPS is if y is one more of them
        pit                [T, 40]   counts of `pit_of_ensemble` in equal bins

    and `num_members`, S. One frame is in work at a time.

    Args:
        ensemble: `[S, T, H, W, C]` array, S >= 2 members with the decoder's noise
            (without it they are means, which vary less than frames): uint8 or floating.
        truth: `[T, H, W, C]` array: uint8 (meaning value / 255) or floating.
        seed: int, see `pit_of_ensemble`; each clip should have its own, or they all
            share their noise. Defaults to `0`.

    Returns:
        dict of float64 arrays, which may be added to those of other clips, but for
        `num_members`.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together, or there is one member only.

    Reference: fair CRPS: Ferro, 2014, equation 2.
    """
    if np.ndim(truth) != 4 or len(ensemble) < 2:
        raise ValueError(
            "`ensemble` must be [S, T, H, W, C] with S at least 2 and `truth` "
            f"[T, H, W, C], got {np.shape(ensemble)} and {np.shape(truth)}."
        )
    rng = generator(seed)
    frames = [
        _frame_statistics(*as_members(ensemble[:, step], truth[step]), rng)
        for step in range(len(truth))
    ]
    sums = {name: np.stack([frame[name] for frame in frames]) for name in frames[0]}
    return {**sums, "num_members": len(ensemble)}


def rank_histogram(ensemble: Array, truth: Array, seed: int = 0) -> np.ndarray:
    """How often the truth has each rank among the members: 1 everywhere if calibrated.

    Read as `pit_histogram`: a U-shape means that the ensemble spreads too little, a
    hump too much, a slope that it is biased. Ties are broken at random.

    Args:
        ensemble: `[S, ...]` array, S members: uint8 or floating.
        truth: `[...]` array: uint8 (meaning value / 255) or floating.
        seed: int, of the ties. Defaults to `0`.

    Returns:
        float64 `[S + 1]`, frequencies times S + 1; their mean is 1.

    Raises:
        TypeError, ValueError: see `pit_of_ensemble`.

    Reference: Hamill, 2001 ("Interpretation of rank histograms").
    """
    num_ranks = len(ensemble) + 1
    ranks = (pit_of_ensemble(ensemble, truth, seed) * num_ranks).astype(int)
    counts = np.bincount(np.minimum(ranks, num_ranks - 1).ravel(), minlength=num_ranks)
    return num_ranks * counts / counts.sum()


def spread_skill(ensemble: Array, truth: Array) -> float:
    """Spread of an ensemble over the error of its mean: 1 if calibrated.

        sqrt((S + 1) / S * mean of the unbiased variance) / sqrt(mean of (m - y)**2)

    The factor makes it 1 for any number of members: the mean of S of them is off by
    1 / S of the variance itself. Below 1 the ensemble is overconfident (it spreads less
    than it errs), above 1 underconfident.

    Args:
        ensemble: `[S, ...]` array, S >= 2 members: uint8 or floating.
        truth: `[...]` array: uint8 (meaning value / 255) or floating.

    Returns:
        float.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together, or there is one member only.

    Reference: Fortin et al., 2014 ("Why should ensemble spread match the RMSE of the
    ensemble mean?"), equation 15.
    """
    ensemble, truth = as_members(ensemble, truth)
    if len(ensemble) < 2:
        raise ValueError("`ensemble` must have at least 2 members to have a spread.")
    variance = np.mean(ensemble.var(0, ddof=1, dtype=np.float64))
    error = np.mean(np.square(ensemble.mean(0, np.float64) - truth))
    return float(np.sqrt((1.0 + 1.0 / len(ensemble)) * variance / error))


def ensemble_summary(
    per_clip: Sequence[Mapping[str, Any]],
    label: str = "sampled futures, with the decoder's noise",
) -> dict:
    """Whether sampled futures are calibrated, from their statistics.

    Args:
        per_clip: list of what `ensemble_statistics` returned, one for each clip,
            between which the errors are taken.
        label: what was sampled. Defaults to `"sampled futures, with the decoder's
            noise"`.

    Returns:
        dict of JSON values, over all frames and for each (`steps`): `pit`, which is the
        rank histogram in 40 bins, and `coverage`; `spread_skill` (see there; `spread`
        holds the factor, so that it should equal `skill`); `crps`, whose `ratio` to
        what is expected under the ensemble itself is 1 if calibrated, above 1 if it is
        overconfident or biased. Errors are standard errors by the jackknife over clips,
        `None` for a single one.

    Raises:
        ValueError: if there are no clips, or their numbers of members differ.
    """
    members = {int(part["num_members"]) for part in per_clip}
    if len(members) > 1:
        raise ValueError(
            f"All ensembles must have as many members, got {sorted(members)}."
        )
    num_members = members.pop()
    parts = [_without_members(part) for part in per_clip]
    sums = total(parts)
    num_steps = len(sums["count"])

    def spread(sums, step=np.s_[:]):
        return _spread_skill(sums, num_members, step)

    _, ratio_error = jackknife(parts, lambda sums: spread(sums)[2])
    _, crps_error = jackknife(parts, lambda sums: _crps(sums)[0])
    _, crps_ratio_error = jackknife(parts, lambda sums: _crps(sums)[2])
    return {
        "label": label,
        "pit": pit_summary(parts),
        "coverage": coverage_summary(parts),
        "spread_skill": {
            **_named(spread(sums), _SPREAD_SKILL),
            "error": number(ratio_error),
            "calibrated": 1.0,
            "steps": steps(
                num_steps, lambda step: _named(spread(sums, step), _SPREAD_SKILL)
            ),
        },
        "crps": {
            **_named(_crps(sums), _CRPS),
            "error": number(crps_error),
            "ratio_error": number(crps_ratio_error),
            "calibrated": 1.0,
            "steps": steps(num_steps, lambda step: _named(_crps(sums, step), _CRPS)),
        },
        "num_members": num_members,
    }


def _frame_statistics(members, truth, rng):
    num = len(members)
    members, truth = members.reshape(num, -1), truth.ravel()
    below, equal = below_and_equal(members, truth)
    pit = spread_over_ranks(below, equal, num, rng)
    mean = members.mean(0)
    # Members of a pixel side by side, for sorting; centred, for their small differences
    # not to drown in the rounding of the sum below.
    centred = np.ascontiguousarray((members - mean).T)
    variance = np.einsum("ps,ps->p", centred, centred) / (num - 1)
    distance = np.abs(centred - (truth - mean)[:, None]).mean(1)
    centred.sort(axis=1)
    # Of sorted x, sum over pairs |x - x'| = sum over i of (2 * i - S + 1) * x[i].
    weights = (2.0 * np.arange(num) - num + 1.0) / (num * (num - 1))
    expected = centred @ weights.astype(centred.dtype)
    sums = {
        "count": np.float64(truth.size),
        "ensemble_variance": variance.sum(dtype=np.float64),
        "squared_error": np.square(mean - truth).sum(dtype=np.float64),
        "crps": (distance - expected).sum(dtype=np.float64),
        "expected_crps": expected.sum(dtype=np.float64),
    }
    return sums | {"pit": bin_counts(pit[None])[0]}


def _without_members(part):
    return {name: values for name, values in part.items() if name != "num_members"}


def _spread_skill(sums, num_members, step):
    factor = np.sqrt(1.0 + 1.0 / num_members)
    spread = factor * root_of_ratio(sums, "ensemble_variance", "count", step)
    ratio = factor * root_of_ratio(sums, "ensemble_variance", "squared_error", step)
    return spread, root_of_ratio(sums, "squared_error", "count", step), ratio


def _crps(sums, step=np.s_[:]):
    count, crps, expected = (
        np.sum(sums[name][step]) for name in ("count", "crps", "expected_crps")
    )
    ratio = crps / expected if expected > 0.0 else np.nan
    return crps / count, expected / count, ratio


def _named(values, names):
    return dict(zip(names, map(number, values), strict=True))
