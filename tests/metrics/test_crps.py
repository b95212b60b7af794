"""CRPS against another library, an integral and a closed form."""

import importlib
import math

import numpy as np
import pytest

from tfsigmavae.metrics import crps

MODULE = importlib.import_module("tfsigmavae.metrics.crps")  # not the function


def ensemble(num, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(num, *shape))


@pytest.mark.parametrize("num", [2, 3, 20])
@pytest.mark.parametrize("fair", [True, False])
def test_equals_that_of_scoringrules(num, fair):
    rules = pytest.importorskip("scoringrules")
    members, truth = ensemble(num, 4, 5), ensemble(1, 4, 5, seed=1)[0]
    expected = rules.crps_ensemble(
        truth, members, m_axis=0, estimator="fair" if fair else "nrg"
    )
    np.testing.assert_allclose(crps(members, truth, fair), expected, rtol=1e-10)


@pytest.mark.parametrize("fair", [True, False])
def test_equals_a_loop_over_pairs(fair):
    members, truth = ensemble(5, 3), ensemble(1, 3, seed=1)[0]
    pairs = [abs(a - b) for i, a in enumerate(members) for b in members[i + 1 :]]
    spread = np.sum(pairs, 0) / (5 * 4 if fair else 5 * 5)
    expected = np.abs(members - truth).mean(0) - spread
    np.testing.assert_allclose(crps(members, truth, fair), expected, rtol=1e-12)


def test_the_plain_score_is_the_integral_of_its_definition():
    members, truth = ensemble(6, 1)[:, 0], 0.3
    grid = np.linspace(-6.0, 6.0, 400_001)
    below = (members[:, None] <= grid).mean(0)
    integral = np.square(below - (grid >= truth)).sum() * (grid[1] - grid[0])
    score = crps(members, truth, fair=False)
    assert score.shape == ()
    assert score == pytest.approx(integral, abs=1e-4)  # six steps of a grid of 3e-5


@pytest.mark.parametrize("truth", [-1.5, 0.0, 2.0])
@pytest.mark.parametrize("num", [3, 200])
def test_fair_scores_of_gaussian_members_average_to_the_closed_form(num, truth):
    """sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), whatever the size."""
    count = 60_000 // num
    scores = crps(0.5 * ensemble(num, count) + 1.0, np.full(count, truth))
    z = (truth - 1.0) / 0.5
    density = math.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    expected = z * math.erf(z / math.sqrt(2.0)) + 2.0 * density
    expected = 0.5 * (expected - 1.0 / math.sqrt(math.pi))
    error = scores.std() / math.sqrt(count)
    assert abs(scores.mean() - expected) < 4 * error and error < 0.02
    if num == 3:  # the plain score does not
        plain = crps(0.5 * ensemble(num, count) + 1.0, np.full(count, truth), False)
        assert plain.mean() - expected > 20 * error


def test_one_member_has_its_absolute_error():
    members, truth = ensemble(1, 4), ensemble(1, 4, seed=1)[0]
    expected = np.abs(members[0] - truth)
    np.testing.assert_array_equal(crps(members, truth, fair=False), expected)


def test_chunks_change_nothing(monkeypatch):
    members, truth = ensemble(3, 4, 5), ensemble(1, 4, 5, seed=1)[0]
    whole = crps(members, truth)
    monkeypatch.setattr(MODULE, "_CHUNK", 12)
    np.testing.assert_allclose(crps(members, truth), whole, rtol=1e-12)


def test_uint8_means_value_over_255_on_either_side():
    levels = np.random.default_rng(0).integers(0, 256, (4, 2, 3), dtype=np.uint8)
    floats = levels / 255.0
    expected = crps(floats[1:], floats[0])
    np.testing.assert_allclose(crps(levels[1:], levels[0]), expected, rtol=1e-12)
    np.testing.assert_allclose(crps(floats[1:], levels[0]), expected, rtol=1e-12)


def test_what_does_not_fit_is_an_error():
    with pytest.raises(ValueError, match=r"shape of `truth`, got \(3, 4\) and \(5,\)"):
        crps(ensemble(3, 4), ensemble(5))
    with pytest.raises(ValueError, match="at least 2 members, got 1.*fair=False"):
        crps(ensemble(1, 4), ensemble(4))
    with pytest.raises(ValueError, match="at least 1 members, got 0"):
        crps(np.zeros((0, 4)), np.zeros(4), fair=False)
    with pytest.raises(TypeError, match="`truth` must be uint8.*int64"):
        crps(ensemble(3, 4), np.zeros(4, np.int64))
