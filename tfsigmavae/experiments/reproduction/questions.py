"""The paper's five questions, each answered claim by claim from the results."""

import dataclasses

from tfsigmavae.experiments.reproduction.finding import (
    TIE_BITS,
    TIE_NATS_PER_DIM,
    TIE_SHARE,
    Finding,
)
from tfsigmavae.experiments.reproduction.information import find_information
from tfsigmavae.experiments.reproduction.plan import (
    BETAS,
    CONVERGENCE,
    DISCRETE,
    VARIANTS,
)


def find(results) -> list:
    """All findings of one study.

    Args:
        results: `Results`.

    Returns:
        List of `Finding`, in the order of the questions.
    """
    parts = (_hand_set, _gaussians, _convergence, find_information, _discrete)
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
    rivals = results.replicated("optimal", ran, column)
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
