"""The paper's five questions, each answered claim by claim from the results."""

import dataclasses
import math

from tfsigmavae.experiments.reproduction.finding import (
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
from tfsigmavae.experiments.reproduction.table import Estimate, estimate


def find(results) -> list:
    """All findings of one study.

    Args:
        results: `Results`.

    Returns:
        List of `Finding`, in the order of the questions.
    """
    parts = (_hand_set, _gaussians, _convergence, _information, _discrete)
    return [finding for part in parts for finding in part(results)]


_COLUMNS = {
    "negative_elbo": "-ELBO, nats",
    "negative_elbo_recalibrated": "-ELBO recalibrated, nats",
    "negative_elbo_at_400": "-ELBO at step 400, nats",
    "negative_elbo_at_1000": "-ELBO at step 1000, nats",
    "bits_per_dim_mass": "exact mass, bits/dim",
    "fd": "FD",
    "fd_reconstructions": "FD of reconstructions",
}
# A rate is on the curve within this share of it.
_CURVE_SHARE = 0.1


def _tie(results, column, means):
    """How small a difference between these two means is a tie at any rate."""
    if column.startswith("fd"):
        return TIE_SHARE * max(abs(mean.mean) for mean in means)
    if column == "bits_per_dim_mass":
        return TIE_BITS
    return TIE_NATS_PER_DIM * (results.figure("num_dims") or 0)


def _lower(results, question, claim, winner, loser, column) -> Finding:
    """The claim that a figure of `winner` is lower than that of `loser`."""
    difference = loser and results.difference(winner, loser, column)
    words = _COLUMNS[column]
    if difference is None:
        return Finding(question, claim, f"{words}: not run", None, 0.0)
    labels = (VARIANTS[winner].label, VARIANTS[loser].label)
    means = (results.estimate(winner, column), results.estimate(loser, column))
    figures = (
        f"{words}: {labels[0]} {means[0]}, {labels[1]} {means[1]}; "
        f"difference {difference}"
    )
    tie = _tie(results, column, means)
    return Finding(question, claim, figures, difference, tie)


def _lower_than_best_beta(results, claim, column) -> Finding:
    """The claim that a figure of optimal sigma is lower than that of any beta."""
    ran = results.finite(BETAS, column)
    rivals = _replicated(results, ran, column)
    best = results.best(rivals, column)
    found = _lower(results, 1, claim, "optimal", best, column)
    if found.difference is None:
        return found
    aside = ", ".join(VARIANTS[key].label for key in ran if key not in rivals)
    return dataclasses.replace(
        found,
        figures=f"{found.figures}; one seed, left aside: {aside}"
        if aside
        else found.figures,
        others=tuple(
            results.difference("optimal", key, column) for key in rivals if key != best
        ),
    )


def _replicated(results, variants, column):
    """Those with two seeds or more beside optimal sigma; if none has, all."""
    pairs = {key: results.difference("optimal", key, column) for key in variants}
    return [key for key in pairs if pairs[key] and pairs[key].count > 1] or variants


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
        yield _lower_than_best_beta(results, f"optimal sigma: {claim}", column)


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
    ran = _replicated(results, ran, "prior_gap_limit")
    smallest = min(ran, key=lambda key: VARIANTS[key].beta, default=None)
    if own is None or smallest is None:
        return Finding(4, claim, "KL(m(z) || p(z)): not run", None, 0.0)
    if VARIANTS[smallest].beta >= own.mean:
        words = f"not run: no beta is less than that of optimal sigma, {own}"
        return Finding(4, claim, f"KL(m(z) || p(z)): {words}", None, 0.0)
    low, high = "prior_gap_limit", "prior_gap"
    difference = _nearest_to_zero(
        _paired(results, smallest, low, high), _paired(results, smallest, high, low)
    )
    figures = ", ".join(
        f"{VARIANTS[key].label} from {results.estimate(key, 'prior_gap_limit')} "
        f"to {results.estimate(key, 'prior_gap')}"
        for key in [smallest, "optimal"]
    )
    return Finding(4, claim, f"KL(m(z) || p(z)), nats: {figures}", difference, 0.5)


def _paired(results, other, own_column, other_column):
    """A figure of optimal sigma less another one of `other`, paired by seed."""
    own, others = results.of("optimal", own_column), results.of(other, other_column)
    return estimate(own[seed] - others[seed] for seed in sorted(own.keys() & others))


def _nearest_to_zero(low, high):
    """Of the differences between two bounds, the one that claims least."""
    if low is None or math.isnan(low.mean + high.mean):
        return low and low._replace(mean=math.nan)
    if high.mean < 0.0:
        return high
    return low if low.mean > 0.0 else low._replace(mean=0.0)


def _on_the_curve(results):
    """The rate of optimal sigma against the beta curve at its effective beta."""
    claim = (
        "optimal sigma lands on the beta curve: its rate is, within "
        f"{100 * _CURVE_SHARE:g} %, that of a beta-VAE at beta = 2 sigma^2"
    )
    shares, expected = [], []
    for row in results.rows:
        if row["variant"] == "optimal":
            points = _rates_along_beta(results, row["seed"])
            rate = _interpolate(points, math.log(row["effective_beta"]))
            if rate is not None:
                expected.append(rate)
                shares.append(row["kl"] / rate - 1.0)
    found = estimate(shares)
    if found is None:
        return Finding(4, claim, "not run", None, 0.0)
    figures = (
        f"rate {results.estimate('optimal', 'kl')} nats at effective beta "
        f"{results.estimate('optimal', 'effective_beta')}, where the curve has "
        f"{estimate(expected)}"
    )
    # Negative where the mean is nearer than the share; its scatter is that of the
    # mean with its sign, for the distance from zero scatters by less than it errs.
    difference = Estimate(abs(found.mean) - _CURVE_SHARE, found.spread, found.count)
    return Finding(4, claim, figures, difference, 0.0)


def _rates_along_beta(results, seed):
    """Pairs of log beta and rate, of runs of one seed: paired as all else is."""
    return [
        (math.log(VARIANTS[key].beta), results.of(key, "kl")[seed])
        for key in results.finite(BETAS, "kl")
        if seed in results.of(key, "kl")
    ]


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
