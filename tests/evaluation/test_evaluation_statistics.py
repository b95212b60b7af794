"""Averages and standard errors over clips, against closed forms."""

import numpy as np
import pytest

from tfsigmavae.evaluation import jackknife, mean_and_error


def test_mean_and_standard_error_of_values_and_curves():
    values = np.random.default_rng(0).normal(size=(40, 3))
    found = mean_and_error(values)
    np.testing.assert_allclose(found.mean, values.mean(0))
    covariance = np.cov(values, rowvar=False)
    np.testing.assert_allclose(found.error, np.sqrt(np.diag(covariance) / 40))
    assert found.count == 40
    one = mean_and_error(values[:, 0])
    assert (one.mean, one.error) == (found.mean[0], found.error[0])
    assert type(one.mean) is float and type(one.error) is float


def test_one_clip_has_no_error():
    assert mean_and_error([2.0]) == (2.0, None, 1)
    assert jackknife([{"x": np.ones(2)}], lambda sums: sums["x"].sum()) == (2.0, None)


@pytest.mark.parametrize("values", [[1.0, np.nan], [0.0, np.inf]])
def test_what_is_not_finite_is_an_error_that_names_the_clip(values):
    with pytest.raises(ValueError, match="those of clip 1 are not"):
        mean_and_error(values)


@pytest.mark.parametrize("values", [[], 1.0])
def test_no_clips_are_an_error(values):
    with pytest.raises(ValueError, match="one value a clip"):
        mean_and_error(values)


def _mean(sums):
    return sums["x"] / sums["n"]


@pytest.mark.parametrize("num", [2, 10, 300])
def test_the_jackknife_of_a_mean_is_its_standard_error(num):
    values = np.random.default_rng(0).normal(size=num)
    parts = [{"x": value, "n": 1.0} for value in values]
    value, error = jackknife(parts, _mean)
    assert value == pytest.approx(values.mean())
    if num <= 100:  # each left out by itself: an identity
        assert error == pytest.approx(mean_and_error(values).error)
    else:  # the scatter of 100 groups is known to 1 / sqrt(200)
        assert error == pytest.approx(mean_and_error(values).error, rel=0.25)


def test_the_jackknife_of_a_ratio_covers_its_scatter():
    """Over repetitions: the error it gives is the scatter there is."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        x, y = rng.gamma(4.0, size=(2, 30))
        parts = [{"x": a, "y": b} for a, b in zip(x, y, strict=True)]
        found.append(jackknife(parts, lambda sums: np.sqrt(sums["x"] / sums["y"])))
    ratios, errors = np.transpose(found)
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.15)
