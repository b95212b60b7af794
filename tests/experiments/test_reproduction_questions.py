"""Verdicts follow from figures, and from how far seeds scatter."""

import math

import pytest
import reproduction_rows

from tfsigmavae.experiments.reproduction.finding import QUESTIONS, Finding
from tfsigmavae.experiments.reproduction.questions import find
from tfsigmavae.experiments.reproduction.table import Estimate, estimate


def finding(claim, column, **changes):
    found = [
        finding
        for finding in find(reproduction_rows.results(**changes))
        if claim in finding.claim and finding.figures.startswith(column)
    ]
    assert len(found) == 1, [(each.claim, each.figures) for each in found]
    return found[0]


@pytest.mark.parametrize(
    ("difference", "tie", "verdict"),
    [
        (None, 1.0, "not run"),
        (Estimate(-2.0, math.nan, 1), 1.0, "held"),
        (Estimate(2.0, math.nan, 1), 1.0, "did not hold"),
        (Estimate(-1.0, math.nan, 1), 1.0, "tie"),
        # Student's t: 12.71 standard errors of two seeds, 3.18 of four.
        (Estimate(-2.0, 2.0 * 2**0.5 / 12.8, 2), 0.5, "held"),
        (Estimate(-2.0, 2.0 * 2**0.5 / 12.6, 2), 0.5, "tie"),
        (Estimate(-2.0, 2.0 * 2 / 3.19, 4), 0.5, "held"),
        (Estimate(-2.0, 2.0 * 2 / 3.17, 4), 0.5, "tie"),
        (Estimate(-2.0, 2.0 * 10 / 2.01, 100), 0.5, "held"),
        (Estimate(2.0, 1.0, 4), 2.5, "tie"),  # few seeds that happen to agree
        (Estimate(math.nan, math.nan, 1), 1.0, "diverged"),
    ],
)
def test_verdict(difference, tie, verdict):
    found = Finding(1, "", "", difference, tie)
    assert found.verdict == verdict
    single = difference is not None and difference.count == 1
    assert found.marked_verdict == (f"{verdict} (one seed)" if single else verdict)


def test_quantiles_are_those_of_students_t():
    stats = pytest.importorskip("scipy.stats")
    for count in range(2, 11):
        margin = Finding(1, "", "", Estimate(0.0, math.sqrt(count), count), 0.0).margin
        assert margin == pytest.approx(stats.t.ppf(0.975, count - 1), abs=0.006)


def test_one_seed_with_sigma_per_pixel_has_a_margin_of_its_own():
    claim = "sigma per pixel has the better likelihood"
    near = {"per_pixel": {"negative_elbo": -950.0}}  # optimal: -600
    assert finding(claim, "-ELBO", **near).verdict == "held"
    (one,) = [
        found
        for found in find(reproduction_rows.results(seeds=1, **near))
        if found.claim == claim and found.figures.startswith("-ELBO")
    ]
    assert one.verdict == "tie" and one.margin == pytest.approx(400.0)


def test_every_question_has_findings_in_order():
    numbers = [found.question for found in find(reproduction_rows.results())]
    assert numbers == sorted(numbers) and set(numbers) == set(QUESTIONS)


def test_the_best_beta_is_that_of_the_figure():
    own = finding("better ELBO than the best beta, each", "-ELBO,")
    assert own.verdict == "held" and "beta 0.03" in own.figures
    samples = finding("better samples than the beta", "FD")
    assert samples.verdict == "did not hold" and "beta 0.1 " in samples.figures
    beaten = finding(
        "better ELBO than the best beta, each",
        "-ELBO,",
        **{"beta_0.1": {"negative_elbo": -700.0}},
    )
    assert beaten.verdict == "did not hold" and "beta 0.1 " in beaten.figures


def test_a_difference_within_the_scatter_of_seeds_is_a_tie():
    near = {"beta_0.03": {"negative_elbo": -590.0}}
    assert finding("best beta, each", "-ELBO,", **near).verdict == "tie"


@pytest.mark.parametrize(
    ("claim", "column", "good", "bad"),
    [
        ("beats unit variance", "-ELBO r", {}, {"unit": -800.0}),
        ("sigma per pixel has the better", "-ELBO", {}, {"per_pixel": -300.0}),
        ("ahead of shared sigma, rate x1 early", "-ELBO at step 400", {}, None),
        ("bitwise categorical needs fewer bits", "exact mass", {}, {"bitwise": 5.0}),
        ("better samples than logistic mixture", "FD:", {}, {"logistic_mixture": 50.0}),
    ],
)
def test_claims_can_hold_and_fail(claim, column, good, bad):
    columns = {"-ELBO r": "negative_elbo_recalibrated", "-ELBO": "negative_elbo"}
    columns |= {"exact mass": "bits_per_dim_mass", "FD:": "fd"}
    if claim.startswith("beats"):
        claim = "optimal sigma beats unit variance"
    assert finding(claim, column, **good).verdict == "held"
    if bad:
        (variant, figure), name = *bad.items(), columns[column]
        changed = finding(claim, column, **{variant: {name: figure}})
        assert changed.verdict == "did not hold"


def test_the_beta_curve_is_read_at_the_effective_beta():
    """KL 68.6 and 49.8 at 0.01 and 0.03: 52.8 at 2 * 0.1125**2 = 0.0253."""
    found = finding("lands on the beta curve", "rate")
    share = math.log(0.0253125 / 0.01) / math.log(3.0)
    expected = 68.6 + share * (49.8 - 68.6)
    assert f"the curve has {estimate([expected] * 2)}" in found.figures
    assert found.verdict == "held"
    off = finding("lands on the beta curve", "rate", optimal={"kl": 60.0})
    assert off.verdict == "did not hold"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "tie"),  # 6.9 to 64.6 against 5.2 to 48
        ({"beta_0.01": {"prior_gap_limit": 50.0}}, "held"),
        ({"optimal": {"prior_gap_limit": 66.0, "prior_gap": 70.0}}, "did not hold"),
        ({"beta_0.01": {"prior_gap": math.nan}}, "diverged"),
        # Not smaller than the beta that optimal sigma lands at.
        ({"optimal": {"effective_beta": 0.009}}, "not run"),
    ],
)
def test_a_larger_gap_at_the_smallest_beta(changes, verdict):
    assert finding("larger gap to the prior", "KL(m", **changes).verdict == verdict


def test_a_diverged_beta_is_not_the_best_and_its_claims_say_so():
    """NaN is less than nothing."""
    diverged = dict.fromkeys(reproduction_rows.rows(1)[0], math.nan)
    fixed = ("study", "variant", "seed", "beta", "effective_beta", "num_dims")
    diverged = {name: diverged[name] for name in diverged if name not in fixed}
    found = finding("best beta, each", "-ELBO,", **{"beta_0.01": diverged})
    assert found.verdict == "held" and "beta 0.03" in found.figures
    found = finding("better ELBO than the best beta, each", "-ELBO,", optimal=diverged)
    assert found.verdict == "diverged"


def test_nothing_run_gives_no_verdict():
    found = find(reproduction_rows.results(seeds=0))
    assert {each.verdict for each in found} == {"not run"}
