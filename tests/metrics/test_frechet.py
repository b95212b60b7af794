"""The Frechet distance against closed forms and SciPy."""

import warnings

import numpy as np
import pytest

from tfsigmavae.metrics import FewSamplesWarning, frechet_distance


def cloud(num, size, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num, size)) @ rng.normal(size=(size, size)) * scale


def exact_cloud(mean, deviation, seed):
    """1000 rows whose sample mean and covariance are exactly these (diagonal)."""
    rows = np.random.default_rng(seed).normal(size=(1000, len(mean)))
    rows -= rows.mean(0)
    white = np.linalg.cholesky(np.linalg.inv(np.cov(rows, rowvar=False)))
    return mean + rows @ white * deviation


def test_one_dimension_has_its_closed_form():
    first, second = cloud(50, 1, 0), cloud(80, 1, 1) + 3.0
    expected = (first.mean() - second.mean()) ** 2
    expected += (first.std(ddof=1) - second.std(ddof=1)) ** 2
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-10)


def test_diagonal_gaussians_have_their_closed_form():
    means = np.array([[0.0, 1.0, -2.0], [0.5, 1.0, 1.0]])
    deviations = np.array([[1.0, 0.2, 3.0], [2.0, 0.4, 0.1]])
    distance = frechet_distance(
        exact_cloud(means[0], deviations[0], 0), exact_cloud(means[1], deviations[1], 1)
    )
    expected = np.square(means[0] - means[1]) + np.square(deviations[0] - deviations[1])
    assert distance == pytest.approx(expected.sum(), rel=1e-9)


@pytest.mark.parametrize(("num", "other", "size"), [(60, 40, 6), (200, 150, 64)])
def test_equals_the_matrix_square_root_of_scipy(num, other, size):
    check_against_scipy(cloud(num, size, 0), cloud(other, size, 1, 0.5) + 1.0)


def test_equals_scipy_in_1024_dimensions():
    """Clouds of a cheap shape: in each dimension another spread, one of them turned."""
    rng = np.random.default_rng(0)
    spread = np.linspace(0.1, 2.0, 1024, dtype=np.float32)
    first = rng.standard_normal((2100, 1024), np.float32) * spread
    second = rng.standard_normal((2100, 1024), np.float32) * spread[::-1] + 0.1
    check_against_scipy(first, second)


def check_against_scipy(first, second):
    linalg = pytest.importorskip("scipy.linalg")
    covariances = [np.cov(rows, rowvar=False) for rows in (first, second)]
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    means = [rows.mean(0, dtype=np.float64) for rows in (first, second)]
    expected = np.square(means[0] - means[1]).sum()
    expected += np.trace(covariances[0] + covariances[1] - 2.0 * root.real)
    # Schur's method in float64 loses some digits of 1,024 eigenvalues.
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_correlated_gaussians_have_the_closed_form_of_commuting_covariances():
    """Without SciPy: equal eigenvectors, so the roots of the eigenvalues subtract."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    deviations = np.array([[1.0, 0.2, 3.0], [2.0, 0.4, 0.1]])
    first = exact_cloud(np.zeros(3), deviations[0], 0) @ rotation
    second = exact_cloud(np.zeros(3), deviations[1], 1) @ rotation
    expected = np.square(deviations[0] - deviations[1]).sum()
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_an_orthogonal_map_of_both_changes_nothing():
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(5, 5)))[0]
    first, second = cloud(30, 5, 0), cloud(30, 5, 1)
    distance = frechet_distance(first, second)
    turned = frechet_distance(first @ rotation, second @ rotation)
    assert turned == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(second, first) == pytest.approx(distance, rel=1e-9)


@pytest.mark.filterwarnings("ignore::tfsigmavae.metrics.FewSamplesWarning")
@pytest.mark.parametrize(("num", "size"), [(4, 8), (100, 8), (300, 1024)])
def test_the_same_data_are_at_distance_zero(num, size):
    """Also with fewer rows than columns, where the covariance has no inverse."""
    rows = cloud(num, size, 0)
    # Of a trace of a million: the rounding of float64 and no root of it.
    assert frechet_distance(rows, rows.copy()) < 1e-8
    assert frechet_distance(rows, rows[::-1]) < 1e-8


@pytest.mark.parametrize(("num", "other"), [(15, 16), (16, 15), (16, 16)])
def test_fewer_samples_than_twice_the_features_are_warned_of(num, other):
    first, second = cloud(num, 8, 0), cloud(other, 8, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frechet_distance(first, second)
    if num == other:
        assert not caught
        return
    (warning,) = caught
    assert issubclass(warning.category, FewSamplesWarning)
    words = f"8 features from {num} and {other} samples.*: have 16 samples of each"
    with pytest.warns(FewSamplesWarning, match=words):
        frechet_distance(first, second)
    assert warning.filename == __file__  # the caller's line


def test_float32_features_are_summed_in_float64():
    rows = (cloud(100, 4, 0) + 1e4).astype(np.float32)
    shifted = rows + np.float32(1.0)
    assert frechet_distance(rows, shifted) == pytest.approx(4.0, rel=1e-6)


@pytest.mark.parametrize("rows", [[1.0, 2.0], [[1.0]], [[1.0], [np.nan]]])
def test_what_is_no_cloud_is_an_error(rows):
    with pytest.raises(ValueError, match="`features` must be a matrix"):
        frechet_distance(rows, [[0.0], [1.0]])


def test_other_numbers_of_columns_are_an_error():
    with pytest.raises(ValueError, match="same number of columns, got 2 and 3"):
        frechet_distance(cloud(5, 2, 0), cloud(5, 3, 0))
