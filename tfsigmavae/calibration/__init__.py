"""Whether predicted uncertainty is right: PIT, coverage, spread and skill."""

from tfsigmavae.calibration.distribution_statistics import (
    distribution_statistics,
    distribution_summary,
    sigma_ratio,
)
from tfsigmavae.calibration.ensemble_statistics import (
    ensemble_statistics,
    ensemble_summary,
    rank_histogram,
    spread_skill,
)
from tfsigmavae.calibration.histograms import NUM_BINS, coverage, pit_histogram
from tfsigmavae.calibration.jackknife import jackknife
from tfsigmavae.calibration.pit import NoPITError, pit, pit_of_ensemble

__all__ = [
    "NUM_BINS",
    "NoPITError",
    "coverage",
    "distribution_statistics",
    "distribution_summary",
    "ensemble_statistics",
    "ensemble_summary",
    "jackknife",
    "pit",
    "pit_histogram",
    "pit_of_ensemble",
    "rank_histogram",
    "sigma_ratio",
    "spread_skill",
]


def __dir__():
    return list(__all__)
