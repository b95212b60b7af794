"""The split of the rate against mixtures whose information is known."""

import math

import numpy as np
import pytest

from tfsigmavae.metrics import split_rate
from tfsigmavae.metrics.aggregate_posterior import _gap_limit


def numpy_kl(means, scales):
    return np.mean(
        0.5 * (means**2 + scales**2 - 1.0 - np.log(scales**2)).sum(1), dtype=np.float64
    )


def test_posteriors_far_apart_tell_which_image_it_was():
    """Then I = log N, and the gap is the rate less that."""
    means = np.random.default_rng(0).normal(size=(64, 3)) * 100.0
    split = split_rate(means, np.full_like(means, 0.01))
    assert split["information"] == pytest.approx(math.log(64), abs=1e-9)
    assert split["log_count"] == pytest.approx(math.log(64))
    assert split["rate"] == pytest.approx(numpy_kl(means, np.full_like(means, 0.01)))
    assert split["prior_gap"] == pytest.approx(split["rate"] - math.log(64))


def test_one_posterior_for_all_images_tells_nothing():
    means, scales = np.full((50, 2), 0.7), np.full((50, 2), 0.4)
    split = split_rate(means, scales)
    assert split["information"] == pytest.approx(0.0, abs=1e-12)
    # All of the rate is gap, and m is the Gaussian that the limit supposes.
    assert split["prior_gap"] == pytest.approx(split["rate"])
    assert split["prior_gap_limit"] == pytest.approx(split["rate"])


def test_two_overlapping_gaussians_have_the_information_of_quadrature():
    """Many copies of two posteriors: a 1-D mixture, integrated on a fine grid."""
    centres, scale = np.array([-0.8, 1.1]), 0.9
    grid = np.linspace(-12.0, 12.0, 200_001)
    densities = np.exp(-0.5 * ((grid[:, None] - centres) / scale) ** 2)
    densities /= scale * math.sqrt(2.0 * math.pi)
    mixture = densities.mean(1)
    step = grid[1] - grid[0]
    prior = np.exp(-0.5 * grid**2) / math.sqrt(2.0 * math.pi)
    gap = (mixture * np.log(mixture / prior)).sum() * step
    means = np.tile(centres, 1_500)[:, None]
    split = split_rate(means, np.full_like(means, scale), seed=1)
    # 3,000 samples of a term with standard deviation about 0.5: 3 of 0.009.
    assert split["prior_gap"] == pytest.approx(gap, abs=0.03)
    assert split["information"] == pytest.approx(split["rate"] - gap, abs=0.03)


def test_a_linear_gaussian_model_lies_between_its_bounds():
    """q(z | x) = N(x, s**2) with x ~ N(0, 1 - s**2): m is the prior, I is known."""
    scale, num = 0.5, 2000
    means = np.random.default_rng(7).normal(size=(num, 1)) * math.sqrt(1 - scale**2)
    split = split_rate(means, np.full_like(means, scale))
    truth = -math.log(scale)
    assert split["information"] == pytest.approx(truth, abs=0.06)  # 2000 samples
    assert split["information_limit"] == pytest.approx(truth, abs=0.06)
    assert split["prior_gap_limit"] == pytest.approx(0.0, abs=2e-3)


def kl_of_moments(means, scales):
    """KL from N(0, I) of the Gaussian with these moments, none of them corrected."""
    centre = means.mean(0)
    second = (means - centre).T @ (means - centre) / len(means)
    second = second + np.diag((scales**2).mean(0))
    terms = np.trace(second) + centre @ centre - centre.size
    return 0.5 * (terms - np.log(np.linalg.det(second)))


@pytest.mark.parametrize("num", [2, 40, 130])
def test_the_limit_is_that_of_the_moments_less_the_jackknife_of_its_bias(num):
    """130: groups of two and of three."""
    rng = np.random.default_rng(3)
    means = rng.normal(size=(num, 2)) @ [[1.0, 0.5], [0.0, 2.0]] + [0.3, -1.0]
    scales = rng.uniform(0.2, 1.0, (num, 2))
    kept = [np.arange(num) % min(num, 50) != group for group in range(min(num, 50))]
    values = [kl_of_moments(means[keep], scales[keep]) for keep in kept]
    inverse = np.mean([1.0 / keep.sum() for keep in kept])
    # f + c / N of all, and of all less a group: two equations.
    matrix = [[1.0, 1.0 / num], [1.0, inverse]]
    whole = kl_of_moments(means, scales)
    expected, _ = np.linalg.solve(matrix, [whole, np.mean(values)])
    split = split_rate(means, scales)
    assert split["prior_gap_limit"] == pytest.approx(expected)
    limit = split["rate"] - split["prior_gap_limit"]
    assert split["information_limit"] == pytest.approx(limit)


def simulated_limits(covariance, centre, scale, num, draws):
    """`prior_gap_limit`, and the same uncorrected, where m is N(centre, covariance)."""
    size = len(centre)
    root = np.linalg.cholesky(covariance - scale**2 * np.eye(size))
    rng = np.random.default_rng(11)
    limits, moments = [], []
    for _ in range(draws):
        means = centre + rng.standard_normal((num, size)) @ root.T
        scales = np.full_like(means, scale)
        limits.append(_gap_limit(means, scales))
        moments.append(kl_of_moments(means, scales))
    return np.array(limits), np.array(moments)


def test_the_limit_is_not_biased_where_the_gap_is_zero():
    """N = 1000, K = 64, m the prior: uncorrected, 1.1 nats of a gap that is none."""
    num, size = 1000, 64
    limits, moments = simulated_limits(np.eye(size), np.zeros(size), 0.01, num, 20)
    # Wishart: E[log det] is a sum of digammas, about -K * (K + 3) / (2 * N).
    assert moments.mean() == pytest.approx(size * (size + 3) / 4 / num, abs=0.05)
    # Means of 20 with a standard deviation of 0.03: 4 of 0.007, and what the
    # correction leaves, -K**3 / (12 * N**2) = -0.022.
    assert limits.mean() == pytest.approx(-0.022, abs=0.028)
    assert limits.mean() < 0.01


def test_the_limit_is_not_biased_where_the_gap_is_known():
    """A Gaussian m, correlated and off centre: KL(m || p) is a closed form."""
    num, size, scale = 1000, 32, 0.3
    mixing = np.random.default_rng(5).standard_normal((size, size)) / math.sqrt(size)
    covariance = mixing @ mixing.T + 0.2 * np.eye(size)
    centre = np.linspace(-1.0, 1.0, size)
    terms = np.trace(covariance) + centre @ centre - size
    truth = 0.5 * (terms - np.linalg.slogdet(covariance)[1])
    limits, moments = simulated_limits(covariance, centre, scale, num, 40)
    error = limits.std(ddof=1) / math.sqrt(40)
    assert moments.mean() - truth > 0.15  # what the correction is for
    assert abs(limits.mean() - truth) < 4 * error + 0.01 and 4 * error < 0.15


def test_one_posterior_alone_is_not_corrected():
    means, scales = np.array([[0.5, -1.0]]), np.array([[0.4, 0.9]])
    split = split_rate(means, scales)
    assert split["prior_gap_limit"] == pytest.approx(numpy_kl(means, scales))


def test_chunks_change_nothing():
    rng = np.random.default_rng(4)
    means, scales = rng.normal(size=(11, 3)), rng.uniform(0.1, 1.0, (11, 3))
    whole, parts = split_rate(means, scales), split_rate(means, scales, chunk_size=4)
    assert parts == pytest.approx(whole, rel=1e-12)


def test_arrays_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="one shape, the scales positive"):
        split_rate(np.zeros((3, 2)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="one shape, the scales positive"):
        split_rate(np.zeros((3, 2)), np.zeros((3, 2)))
