"""Question (iv): information and gap to the prior along beta."""

import math

from tfsigmavae.experiments.reproduction.finding import Finding
from tfsigmavae.experiments.reproduction.plan import BETAS, VARIANTS
from tfsigmavae.experiments.reproduction.table import Estimate, estimate

# A rate is on the curve within this share of it.
_CURVE_SHARE = 0.1
# Bounds of the gap that are nearer than this, in nats, are a tie.
_TIE_NATS = 0.5


def find_information(results):
    """Yields the findings of question (iv)."""
    yield _monotone(results)
    yield _on_the_curve(results)


def _monotone(results):
    """Prior gap at the smallest beta against that at the sigma-VAE, by their bounds."""
    claim = "the smallest beta leaves a larger gap to the prior than optimal sigma"
    own = results.estimate("optimal", "effective_beta")
    ran = [key for key in BETAS if results.estimate(key, "prior_gap_limit")]
    ran = results.replicated("optimal", ran, "prior_gap_limit")
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
    return Finding(
        4, claim, f"KL(m(z) || p(z)), nats: {figures}", difference, _TIE_NATS
    )


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
