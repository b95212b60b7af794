"""Calibration of ensembles: known answers, and the CRPS of other packages."""

import json

import numpy as np
import pytest

from tfsigmavae import metrics
from tfsigmavae.calibration import (
    coverage,
    ensemble_statistics,
    ensemble_summary,
    pit_histogram,
    pit_of_ensemble,
    rank_histogram,
    spread_skill,
)

LEVELS = np.array([0.5, 0.8, 0.9, 0.95])


def ensembles(sigma=1.0, bias=0.0, num_members=20, num_clips=12, num_frames=3):
    """Clips: ensembles of sigma times the truth's spread about the same mean."""
    rng = np.random.default_rng(0)
    shape = (num_frames, 8, 8, 3)
    for _ in range(num_clips):
        mean = rng.normal(size=shape)
        truth = mean + 0.1 * rng.normal(size=shape)
        noise = rng.normal(size=(num_members, *shape))
        members = mean + bias + 0.1 * sigma * noise
        yield members.astype(np.float32), truth.astype(np.float32)


def summary(**kwargs):
    pairs = enumerate(ensembles(**kwargs))
    return ensemble_summary([ensemble_statistics(*pair, seed) for seed, pair in pairs])


@pytest.mark.parametrize("num_members", [5, 20, 100])
def test_a_calibrated_ensemble_passes_whatever_its_size(num_members):
    found = summary(num_members=num_members, num_clips=24)
    # 13824 pixels: a standard deviation is known to 0.6 %, a share to 0.4 %.
    assert found["spread_skill"]["ratio"] == pytest.approx(1.0, abs=0.02)
    assert found["crps"]["ratio"] == pytest.approx(1.0, abs=0.03)
    np.testing.assert_allclose(found["coverage"]["share"], LEVELS, atol=0.012)
    assert found["pit"]["deviation"] < 0.06
    assert 0.003 < found["spread_skill"]["error"] < 0.012
    # Of N(0, s**2): s / sqrt(pi), Gneiting & Raftery 2007.
    assert found["crps"]["expected"] == pytest.approx(0.1 / np.sqrt(np.pi), rel=0.02)


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_wrong_spread_fails_in_the_known_way(sigma):
    num = 20
    found = summary(sigma=sigma, num_members=num)
    # The error of the mean of S members: 1 + sigma**2 / S in place of its spread.
    expected = sigma * np.sqrt((1.0 + 1.0 / num) / (1.0 + sigma**2 / num))
    assert found["spread_skill"]["ratio"] == pytest.approx(expected, rel=0.02)
    # E|x - y| of N(0, s**2) and N(0, 1): sqrt(2 / pi * (1 + s**2)).
    crps = np.sqrt(2.0 / np.pi * (1.0 + sigma**2)) - sigma / np.sqrt(np.pi)
    ratio = crps / (sigma / np.sqrt(np.pi))
    assert found["crps"]["ratio"] == pytest.approx(ratio, rel=0.03)
    density = found["pit"]["density"]
    assert (density[0] > 2.0) if sigma < 1.0 else (density[0] < 0.5)
    share = found["coverage"]["share"][0]
    assert (share < 0.35) if sigma < 1.0 else (share > 0.75)


def test_a_bias_tilts_the_ranks():
    found = summary(bias=0.1)
    density = found["pit"]["density"]
    assert density[0] > 3.0 and density[-1] < 0.3  # truths lie below the members
    expected = np.sqrt((1.0 + 1.0 / 20) / (2.0 + 1.0 / 20))
    assert found["spread_skill"]["ratio"] == pytest.approx(expected, rel=0.03)


def test_crps_equals_that_of_scoringrules():
    scoringrules = pytest.importorskip("scoringrules")
    members, truth = next(ensembles(num_members=9))
    found = ensemble_statistics(members, truth)
    fair = scoringrules.crps_ensemble(
        truth.astype(float), members.astype(float), m_axis=0, estimator="fair"
    )
    # float32 sums over 9 members of values about 1.
    np.testing.assert_allclose(found["crps"], fair.sum((1, 2, 3)), rtol=1e-5)


def test_crps_equals_that_of_the_metric():
    members, truth = next(ensembles(num_members=9))
    found = ensemble_statistics(members, truth)
    expected = metrics.crps(members, truth).sum((1, 2, 3))
    np.testing.assert_allclose(found["crps"], expected, rtol=1e-5)


def test_expected_crps_equals_the_pairs_one_by_one():
    members, truth = next(ensembles(num_members=6))
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    members = members.astype(np.float64)
    distances = np.mean([np.abs(members[i] - members[j]) for i, j in pairs], 0)
    found = ensemble_statistics(members, truth)
    expected = 0.5 * distances.sum((1, 2, 3))
    np.testing.assert_allclose(found["expected_crps"], expected, rtol=1e-10)


def test_small_spreads_of_bright_float32_frames_keep_their_digits():
    noise = np.random.default_rng(0).normal(size=(50, 1, 8, 8, 1))
    members = (0.9 + 1e-4 * noise).astype(np.float32)
    exact = members.astype(np.float64)
    truth = members[0] + np.float32(1e-5)
    found = ensemble_statistics(members, truth)
    precise = ensemble_statistics(exact, truth.astype(np.float64))
    for name in ("ensemble_variance", "expected_crps", "crps"):
        # Frames themselves are rounded to 6e-8, about 1e-3 of the spread.
        np.testing.assert_allclose(found[name], precise[name], rtol=2e-3)


def test_figures_are_those_of_the_functions_of_one_idea():
    members, truth = next(ensembles(sigma=0.8, num_frames=1))
    found = ensemble_summary([ensemble_statistics(members, truth)])
    assert found["spread_skill"]["ratio"] == pytest.approx(
        spread_skill(members, truth), rel=1e-5
    )
    values = pit_of_ensemble(members, truth)
    np.testing.assert_allclose(found["pit"]["density"], pit_histogram(values))
    np.testing.assert_allclose(found["coverage"]["share"], coverage(values))


def test_rank_histogram_counts_ranks():
    truth = np.array([0.0, 0.5, 0.5, 1.0])
    ensemble = np.array([[0.4] * 4, [0.6] * 4])
    np.testing.assert_allclose(rank_histogram(ensemble, truth), [0.75, 1.5, 0.75])
    draws = np.random.default_rng(0).normal(size=(10, 20000))
    ranks = rank_histogram(draws[1:], draws[0])
    assert ranks.shape == (10,) and ranks.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(ranks, 1.0, atol=0.08)  # 0.02 of chance


def test_frames_have_figures_of_their_own_and_clips_add_up():
    parts = [ensemble_statistics(*pair) for pair in ensembles(num_clips=4)]
    found = ensemble_summary(parts)
    for step in range(3):
        one = ensemble_summary([_frame(part, step) for part in parts])
        for name, key in (("spread_skill", "ratio"), ("crps", "value")):
            value = found[name]["steps"][step][key]
            assert value == pytest.approx(one[name][key], rel=1e-12)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def _frame(part, step):
    return {
        name: values if name == "num_members" else values[step : step + 1]
        for name, values in part.items()
    }


def test_the_same_seed_gives_the_same_statistics():
    members = np.random.default_rng(0).integers(0, 4, (9, 2, 4, 4, 1)).astype(np.uint8)
    first, second, other = (
        ensemble_statistics(members[1:], members[0], seed)["pit"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_members_that_are_all_the_truth_have_no_ratio_and_no_nan():
    frames = np.full([4, 2, 3, 3, 1], 128, np.uint8)
    found = ensemble_summary([ensemble_statistics(frames, frames[0])] * 2)
    assert found["spread_skill"]["ratio"] is None and found["crps"]["ratio"] is None
    json.dumps(found, allow_nan=False)


def test_what_is_no_ensemble_is_an_error():
    frames = np.zeros([2, 4, 4, 3], np.float32)
    for members in (frames[None], frames):
        with pytest.raises(ValueError, match="S at least 2|one axis, the members"):
            ensemble_statistics(members, frames)
    with pytest.raises(ValueError, match="at least 2 members"):
        spread_skill(frames[None], frames)
    parts = [ensemble_statistics(np.stack([frames] * n), frames) for n in (2, 3)]
    with pytest.raises(ValueError, match="as many members, got \\[2, 3\\]"):
        ensemble_summary(parts)


@pytest.mark.parametrize("wrong", ["ensemble", "truth"])
def test_values_that_are_not_finite_are_refused(wrong):
    values = {"ensemble": np.ones([3, 2, 4, 4, 1]), "truth": np.ones([2, 4, 4, 1])}
    values[wrong] = values[wrong] * np.nan
    for function in (ensemble_statistics, spread_skill, rank_histogram):
        with pytest.raises(ValueError, match=f"`{wrong}` holds values that are not"):
            function(**values)
