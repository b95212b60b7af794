"""How the rate splits into information about x and a gap to the prior."""

import math

import numpy as np

from tfsigmavae.typing import Array

# Groups of posteriors that are left out in turn; more of them change nothing that the
# scatter of 1,000 posteriors would let one see.
_NUM_GROUPS = 50


def split_rate(
    means: Array, scales: Array, seed: int = 0, chunk_size: int = 100
) -> dict:
    """Splits the rate of a VAE with diagonal Gaussian posteriors and prior N(0, I).

        E[KL(q(z | x) || p(z))] = I(x; z) + KL(m(z) || p(z)),   m = E[q(z | x)]

    The information is estimated over the given posteriors, with one sample of each:

        I_N = mean over n of [log q(z_n | x_n) - log 1/N * sum over k of q(z_n | x_k)]

    It is at most log N, and in expectation a lower bound of the information over all
    data: where it comes near log N, there is at least that much and no more is known.
    The other side is bounded by the Gaussian M with the moments of m(z):

        KL(m || p) = KL(m || M) + KL(M || p) >= KL(M || p)

    The moments of N posteriors make KL(M || p) too large, on the wrong side: it is a
    smooth function f of averages over N, whose expectation is f + c / N + O(1 / N**2)
    by Taylor's formula, with c > 0 because -log det is convex. Where the posteriors
    are narrow and their means Gaussian, c = K * (K + 3) / 4: 1.1 nats at N = 1000,
    K = 64. c is estimated by leaving out one of 50 groups of posteriors at a time,

        c = (mean over groups of f_(N - n) - f_N) / (mean over groups of 1 / (N - n)
            - 1 / N),        n the size of the group left out,

    and c / N subtracted (the jackknife). For Gaussian means it then errs on the safe
    side, by about `K**3 / (12 * N**2)`, 0.02 nats in the case above; so N should be
    several times K. Where the gap is next to none it may come out just below zero.

    Args:
        means: `[N, K]` array, posterior means.
        scales: `[N, K]` array, posterior standard deviations.
        seed: int, of the samples. Defaults to `0`.
        chunk_size: int, samples scored at a time; memory grows with it times N.
            Defaults to `100`.

    Returns:
        dict of floats in nats: `rate`; `information`, I_N, and `information_limit`,
        the rate less KL(M || p), between which I lies in expectation; `prior_gap`, the
        rate less I_N, and `prior_gap_limit`, KL(M || p), between which KL(m || p) lies
        in expectation; `log_count`, log N, the most that `information` can be.

    Raises:
        ValueError: if the arrays are not two matrices of one shape, or a scale is not
            positive.

    Reference: Hoffman & Johnson, 2016; Rosca et al., 2018; bound: Poole et al., 2019;
    jackknife: Quenouille, 1956.
    """
    means, scales = np.asarray(means, np.float64), np.asarray(scales, np.float64)
    if means.ndim != 2 or means.shape != scales.shape or not (scales > 0).all():
        raise ValueError(
            "`means` and `scales` must be matrices of one shape, the scales positive, "
            f"got shapes {means.shape} and {scales.shape}."
        )
    rate = _kl_to_prior(means, scales).mean()
    noise = np.random.default_rng(seed).standard_normal(means.shape)
    latents = means + scales * noise
    own = -0.5 * np.square(noise).sum(1) - np.log(scales).sum(1)
    aggregate = np.concatenate(
        [
            _log_aggregate(latents[start : start + chunk_size], means, scales)
            for start in range(0, len(latents), chunk_size)
        ]
    )
    information = np.mean(own - aggregate)
    gap_limit = _gap_limit(means, scales)
    return {
        "rate": float(rate),
        "information": float(information),
        "information_limit": float(rate - gap_limit),
        "prior_gap": float(rate - information),
        "prior_gap_limit": float(gap_limit),
        "log_count": math.log(len(means)),
    }


def _kl_to_prior(means, scales):
    terms = np.square(means) + np.square(scales) - 1.0 - 2.0 * np.log(scales)
    return 0.5 * terms.sum(1)


def _log_aggregate(latents, means, scales):
    """log m(z) less the constant K / 2 * log(2 pi), `[len(latents)]`."""
    precisions = scales**-2.0
    # sum over K of (z - mean)**2 / scale**2, as two matrix products.
    squares = np.square(latents) @ precisions.T
    squares -= 2.0 * latents @ (means * precisions).T
    squares += (np.square(means) * precisions).sum(1)
    log_terms = -0.5 * squares - np.log(scales).sum(1)
    top = log_terms.max(1)
    sums = np.exp(log_terms - top[:, None]).sum(1)
    return top + np.log(sums) - math.log(len(means))


def _gap_limit(means, scales):
    """KL(M || p) without the bias of moments of N posteriors, see `split_rate`."""
    num, num_groups = len(means), min(len(means), _NUM_GROUPS)
    # Of deviations from the mean, lest digits are lost where means are large.
    centre = means.mean(0)
    deviations, variances = means - centre, np.square(scales)
    totals = _totals(deviations, variances)
    whole = _moments_to_prior(centre, num, *totals)
    if num == 1:  # nothing can be left out
        return whole
    counts, partial = [], []
    for group in range(num_groups):
        out = deviations[group::num_groups], variances[group::num_groups]
        left = [a - b for a, b in zip(totals, _totals(*out), strict=True)]
        counts.append(num - len(out[0]))
        partial.append(_moments_to_prior(centre, counts[-1], *left))
    coefficient = np.mean(partial) - whole
    coefficient /= np.mean(1.0 / np.asarray(counts)) - 1.0 / num
    return whole - coefficient / num


def _totals(deviations, variances):
    return deviations.sum(0), deviations.T @ deviations, variances.sum(0)


def _moments_to_prior(centre, count, first, second, variances):
    """KL of the Gaussian with the moments of m(z) from N(0, I), by sums over images."""
    shift = first / count
    covariance = second / count - np.outer(shift, shift) + np.diag(variances / count)
    mean = centre + shift
    log_determinant = np.linalg.slogdet(covariance)[1]
    terms = np.trace(covariance) + mean @ mean - mean.size - log_determinant
    return 0.5 * float(terms)
