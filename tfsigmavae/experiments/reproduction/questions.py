"""The paper's five questions, each answered claim by claim from the results."""

import math

import numpy as np

from tfsigmavae.experiments.reproduction.finding import (
    PER_PIXEL_TIE_NATS_PER_DIM,
    PER_PIXEL_TIE_SHARE,
    TIE_BITS,
    TIE_NATS_PER_DIM,
    TIE_SHARE,
    Finding,
)
from tfsigmavae.experiments.reproduction.plan import (
    BETAS,
    CONVERGENCE,
    DISCRETE,
    VARIANTS,
)
from tfsigmavae.experiments.reproduction.table import estimate


def find(results) -> list:
    """All findings of one study.

    Args:
        results: `Results`.

    Returns:
        List of `Finding`, in the order of the questions.
    """
    parts = (_hand_set, _gaussians, _convergence, _information, _discrete)
    return [finding for part in parts for finding in part(results)]


class _Columns:
    """Names of the compared figures, and what of them is a tie.

    Args:
        results: `Results`.
        scattered: bool, whether a single seed with sigma per pixel is compared.
    """

    def __init__(self, results, scattered):
        nats = PER_PIXEL_TIE_NATS_PER_DIM if scattered else TIE_NATS_PER_DIM
        nats *= results.figure("num_dims") or 0
        self.share = PER_PIXEL_TIE_SHARE if scattered else TIE_SHARE
        self.of = {
            "negative_elbo": ("-ELBO, nats", nats),
            "negative_elbo_recalibrated": ("-ELBO recalibrated, nats", nats),
            "negative_elbo_at_400": ("-ELBO at step 400, nats", nats),
            "negative_elbo_at_1000": ("-ELBO at step 1000, nats", nats),
            "bits_per_dim_mass": ("exact mass, bits/dim", TIE_BITS),
            "fd": ("FD", None),
            "fd_reconstructions": ("FD of reconstructions", None),
        }


def _lower(results, question, claim, winner, loser, column) -> Finding:
    """The claim that a figure of `winner` is lower than that of `loser`."""
    difference = loser and results.difference(winner, loser, column)
    single = difference is not None and difference.count == 1
    columns = _Columns(results, single and "per_pixel" in (winner, loser))
    words, tie = columns.of[column]
    figures = f"{words}: not run"
    if difference is not None:
        labels = (VARIANTS[winner].label, VARIANTS[loser].label)
        means = (results.estimate(winner, column), results.estimate(loser, column))
        figures = (
            f"{words}: {labels[0]} {means[0]}, {labels[1]} {means[1]}; "
            f"difference {difference}"
        )
        if tie is None:  # a share of the larger one
            tie = columns.share * max(abs(mean.mean) for mean in means)
    return Finding(question, claim, figures, difference, tie or 0.0)


def _hand_set(results):
    for column, claim in [
        ("negative_elbo", "better ELBO than the best beta, each with its own sigma"),
        (
            "negative_elbo_recalibrated",
            "better ELBO than the best beta, sigma of each recalibrated",
        ),
        ("fd", "better samples than the beta with the best samples"),
        (
            "fd_reconstructions",
            "better reconstructions than the beta with the best reconstructions",
        ),
    ]:
        best = results.best(BETAS, column)
        yield _lower(results, 1, f"optimal sigma: {claim}", "optimal", best, column)


def _gaussians(results):
    for winner, loser, claim, columns in [
        (
            "optimal",
            "unit",
            "optimal sigma beats unit variance",
            ["negative_elbo", "negative_elbo_recalibrated", "fd", "fd_reconstructions"],
        ),
        (
            "shared_fast",
            "unit",
            "learned shared sigma beats unit variance",
            ["negative_elbo", "fd"],
        ),
        (
            "optimal",
            "per_image",
            "one sigma for all images beats training with one each",
            ["negative_elbo", "fd"],
        ),
        (
            "per_pixel",
            "optimal",
            "sigma per pixel has the better likelihood",
            ["negative_elbo", "bits_per_dim_mass"],
        ),
        (
            "optimal",
            "per_pixel",
            "one sigma for all pixels has the better samples",
            ["fd", "fd_reconstructions"],
        ),
    ]:
        for column in columns:
            yield _lower(results, 2, claim, winner, loser, column)


def _convergence(results):
    for learned in CONVERGENCE[:0:-1]:
        claim = f"optimal sigma is ahead of {VARIANTS[learned].label}"
        for column in ("negative_elbo_at_400", "negative_elbo_at_1000"):
            yield _lower(results, 3, f"{claim} early", "optimal", learned, column)
        yield _lower(
            results, 3, f"{claim} at the end", "optimal", learned, "negative_elbo"
        )


def _information(results):
    yield _monotone(results)
    yield _on_the_curve(results)


def _monotone(results):
    """Prior gap at the smallest beta against that at the sigma-VAE, by their bounds."""
    claim = "the smallest beta leaves a larger gap to the prior than optimal sigma"
    own = results.estimate("optimal", "effective_beta")
    ran = [key for key in BETAS if results.estimate(key, "prior_gap_limit")]
    smallest = min(ran, key=lambda key: VARIANTS[key].beta, default=None)
    if own is None or smallest is None:
        return Finding(4, claim, "KL(m(z) || p(z)): not run", None, 0.0)
    if VARIANTS[smallest].beta >= own.mean:
        words = f"not run: no beta is less than that of optimal sigma, {own}"
        return Finding(4, claim, f"KL(m(z) || p(z)): {words}", None, 0.0)
    low, high = "prior_gap_limit", "prior_gap"
    least, most = results.of("optimal", low), results.of("optimal", high)
    other_least, other_most = results.of(smallest, low), results.of(smallest, high)
    # Of all differences that the bounds allow, the one nearest to zero.
    difference = estimate(
        np.minimum(most[seed] - other_least[seed], 0.0)
        + np.maximum(least[seed] - other_most[seed], 0.0)
        for seed in sorted(least.keys() & other_least.keys())
    )
    figures = ", ".join(
        f"{VARIANTS[key].label} from {results.estimate(key, 'prior_gap_limit')} "
        f"to {results.estimate(key, 'prior_gap')}"
        for key in [smallest, "optimal"]
    )
    return Finding(4, claim, f"KL(m(z) || p(z)), nats: {figures}", difference, 0.5)


def _on_the_curve(results):
    """The rate of optimal sigma against the beta curve at its effective beta."""
    claim = (
        "optimal sigma lands on the beta curve: its rate is, within 10 %, that of a "
        "beta-VAE at beta = 2 sigma^2"
    )
    points = [
        (math.log(VARIANTS[key].beta), results.estimate(key, "kl").mean)
        for key in results.finite(BETAS, "kl")
    ]
    optimal = [row for row in results.rows if row["variant"] == "optimal"]
    shares, expected = [], []
    for row in optimal:
        rate = _interpolate(points, math.log(row["effective_beta"]))
        if rate is not None:
            expected.append(rate)
            # Negative where the two are nearer than 10 %.
            shares.append(abs(row["kl"] / rate - 1.0) - 0.1)
    figures = "not run"
    if shares:
        figures = (
            f"rate {results.estimate('optimal', 'kl')} nats at effective beta "
            f"{results.estimate('optimal', 'effective_beta')}, where the curve has "
            f"{estimate(expected)}"
        )
    return Finding(4, claim, figures, estimate(shares), 0.0)


def _interpolate(points, x):
    """On straight lines between sorted points; `None` outside, NaN of NaN."""
    if math.isnan(x):
        return x
    points = sorted(points)
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def _discrete(results):
    for variant in DISCRETE:
        label = VARIANTS[variant].label
        yield _lower(
            results,
            5,
            f"{label} needs fewer bits than optimal sigma",
            variant,
            "optimal",
            "bits_per_dim_mass",
        )
        for column in ("fd", "fd_reconstructions"):
            yield _lower(
                results,
                5,
                f"optimal sigma has the better samples than {label}"
                if column == "fd"
                else f"optimal sigma has the better reconstructions than {label}",
                "optimal",
                variant,
                column,
            )
