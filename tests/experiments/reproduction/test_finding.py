"""A verdict follows from a difference and from how far seeds scatter."""

import math

import numpy as np
import pytest

from tfsigmavae.experiments.reproduction.finding import (
    TIE_SHARE,
    Finding,
    student_quantile,
)
from tfsigmavae.experiments.reproduction.table import Estimate, estimate


@pytest.mark.parametrize(
    ("difference", "tie", "verdict"),
    [
        (None, 1.0, "not run"),
        (Estimate(-2.0, math.nan, 1), 1.0, "no verdict"),
        (Estimate(2.0, math.nan, 1), 1.0, "no verdict"),
        (Estimate(-1.0, math.nan, 1), 1.0, "no verdict"),
        # Student's t: 12.71 standard errors of two seeds, 3.18 of four.
        (Estimate(-2.0, 2.0 * 2**0.5 / 12.8, 2), 0.5, "held"),
        (Estimate(-2.0, 2.0 * 2**0.5 / 12.6, 2), 0.5, "tie"),
        (Estimate(-2.0, 2.0 * 2 / 3.19, 4), 0.5, "held"),
        (Estimate(-2.0, 2.0 * 2 / 3.17, 4), 0.5, "tie"),
        # 2.228 of eleven, 1.984 of a hundred.
        (Estimate(-2.0, 2.0 * 11**0.5 / 2.23, 11), 0.5, "held"),
        (Estimate(2.0, 2.0 * 11**0.5 / 2.22, 11), 0.5, "tie"),
        (Estimate(-2.0, 2.0 * 10 / 1.99, 100), 0.5, "held"),
        (Estimate(-2.0, 2.0 * 10 / 1.98, 100), 0.5, "tie"),
        (Estimate(2.0, 1.0, 4), 2.5, "tie"),  # few seeds that happen to agree
        (Estimate(math.nan, math.nan, 1), 1.0, "diverged"),
    ],
)
def test_verdict(difference, tie, verdict):
    found = Finding(1, "", "", difference, tie)
    assert found.verdict == verdict
    single = verdict == "no verdict"
    assert found.is_single == single
    assert found.marked_verdict == ("one seed: " * single + verdict)
    assert found.is_tested == (verdict in ("held", "did not hold", "tie"))


@pytest.mark.parametrize("probability", [0.975, 1 - 0.025 / 7])
def test_quantiles_are_those_of_students_t(probability):
    stats = pytest.importorskip("scipy.stats")
    for degrees in (1, 2, 3, 9, 10, 11, 30, 1000):
        expected = stats.t.ppf(probability, degrees)
        found = student_quantile(probability, degrees)
        assert found == pytest.approx(expected, rel=1e-9)


def test_the_margin_is_half_the_interval_of_a_mean_and_at_least_the_tie():
    found = Finding(1, "", "", Estimate(0.0, 3.0, 9), 0.5)
    assert found.margin(found.difference) == pytest.approx(student_quantile(0.975, 8))
    of_five = found.margin(found.difference, 5)
    assert of_five == pytest.approx(student_quantile(0.995, 8))
    assert found.margin(Estimate(0.0, 0.3, 9)) == 0.5
    assert found.margin(Estimate(-9.0, math.nan, 1)) == math.inf


@pytest.mark.parametrize(
    ("best", "others", "verdict"),
    [
        (Estimate(-2.0, 0.1, 3), [Estimate(-3.0, 0.1, 3)], "held"),
        # Another one may be as good: it scatters by as much as it is worse.
        (Estimate(-2.0, 0.1, 3), [Estimate(-3.0, 2.0, 3)], "tie"),
        # 2.0 over its standard error is 6.9: more than 4.3, of four less than 8.9.
        (Estimate(2.0, 0.5, 3), [], "did not hold"),
        (Estimate(2.0, 0.5, 3), [Estimate(-3.0, 0.1, 3)] * 3, "tie"),
        (Estimate(2.0, 0.38, 3), [Estimate(-3.0, 0.1, 3)] * 3, "did not hold"),
        (Estimate(2.0, 9.0, 3), [Estimate(1.5, 0.1, 3)], "did not hold"),
    ],
)
def test_the_best_of_several_must_be_beaten_as_all_of_them(best, others, verdict):
    assert Finding(1, "", "", best, 0.1, tuple(others)).verdict == verdict


TRIALS = 3000
# Three standard deviations of a share of 5 % in as many trials.
TOLERANCE = 3.0 * math.sqrt(0.05 * 0.95 / TRIALS)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("scatter", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("tie", [0.0, TIE_SHARE])
def test_two_equal_decoders_get_a_wrong_verdict_in_5_percent_at_most(
    count, scatter, tie
):
    """Figures of 1 that scatter over seeds, on one side by half as much."""
    scatters = scatter * np.array([1.0, 0.5])[:, None]
    draws = np.random.default_rng(count).standard_normal((TRIALS, 2, count))
    pairs = 1.0 + scatters * draws
    found = [Finding(1, "", "", estimate(a - b), tie) for a, b in pairs]
    verdicts = [each.verdict for each in found]
    share = (verdicts.count("held") + verdicts.count("did not hold")) / TRIALS
    if count == 1:
        assert share == 0.0
    elif tie == 0.0:  # as many as allowed: the margin is no wider than need be
        assert share == pytest.approx(0.05, abs=TOLERANCE)
    else:
        assert share <= 0.05 + TOLERANCE
