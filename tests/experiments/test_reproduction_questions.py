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
        (Estimate(-2.0, 1.0, 4), 0.5, "held"),  # two standard errors are 1
        (Estimate(-2.0, 2.5, 4), 0.5, "tie"),
        (Estimate(2.0, 1.0, 4), 2.5, "tie"),  # few seeds that happen to agree
        (Estimate(math.nan, math.nan, 1), 1.0, "did not hold"),
    ],
)
def test_verdict(difference, tie, verdict):
    assert Finding(1, "", "", difference, tie).verdict == verdict


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


def test_a_larger_gap_at_the_smallest_beta():
    assert finding("larger gap to the prior", "least").verdict == "held"
    reverse = {"beta_0.01": {"prior_gap_limit": 1.0}}
    assert finding("larger gap", "least", **reverse).verdict == "did not hold"


def test_nothing_run_gives_no_verdict():
    found = find(reproduction_rows.results(seeds=0))
    assert {each.verdict for each in found} == {"not run"}
