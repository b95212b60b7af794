"""Calibration of a model that is right by construction, and of ones that are not."""

import numpy as np
import pytest
from grey_levels import assert_samples_follow
from linear_gaussian import LinearGaussianModel

from tfsigmavae.calibration import (
    distribution_statistics,
    distribution_summary,
    ensemble_statistics,
    ensemble_summary,
)
from tfsigmavae.decoders import FixedSigma

LEVELS = np.array([0.5, 0.8, 0.9, 0.95])


def posterior_parts(**kwargs):
    """Statistics of clips that the model with sigma 0.03 has made itself."""
    clips = LinearGaussianModel().simulate(300, 5)
    likelihood, target = LinearGaussianModel(**kwargs).posterior_likelihood(clips, 1)
    return distribution_statistics(likelihood, target, per_example=True)


def test_posterior_samples_of_the_true_model_are_calibrated():
    parts = posterior_parts()
    found = distribution_summary(parts)
    # 19200 pixels, independent given the latents.
    counts = sum(part["pit"].sum(0) for part in parts).astype(int)
    assert_samples_follow(np.repeat(np.arange(40), counts), [1 / 40] * 40)
    np.testing.assert_allclose(found["coverage"]["share"], LEVELS, atol=0.01)
    assert found["sigma"]["ratio"] == pytest.approx(1.0, abs=0.015)
    assert [len(found[name]["steps"]) for name in ("sigma", "pit")] == [4, 4]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_decoder_of_another_sigma_is_not(factor):
    found = distribution_summary(posterior_parts(decoder=FixedSigma(0.03 * factor)))
    assert found["sigma"]["ratio"] == pytest.approx(1.0 / factor, rel=0.015)
    share = found["coverage"]["share"][0]
    # P(|x| < factor * 0.6745) of x ~ N(0, 1).
    assert share == pytest.approx({0.5: 0.264, 2.0: 0.823}[factor], abs=0.01)


def test_a_posterior_that_is_too_wide_errs_by_what_it_adds():
    model = LinearGaussianModel(widen=2.0)
    # Three of the four parts of the variance of W z, a mean over 16 pixels.
    moved = np.sum((model.scale[:, None] * model.loadings) ** 2) / 16
    expected = np.sqrt(1.0 + 0.75 * moved / model.sigma**2)
    ratio = distribution_summary(posterior_parts(widen=2.0))["sigma"]["ratio"]
    assert expected > 1.1 and ratio == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_futures_are_as_calibrated_as_the_model(factor):
    num = 200
    truth = LinearGaussianModel().simulate(num, 4, fed="means")
    model = LinearGaussianModel(decoder=FixedSigma(0.03 * factor))
    _, pixels = model.sample_futures(truth[:, :1], 3, num_samples=20, seed=0)
    found = ensemble_summary(
        [
            ensemble_statistics(np.asarray(pixels[:, clip]), truth[clip, 1:], clip)
            for clip in range(num)
        ]
    )
    spread, crps = found["spread_skill"]["ratio"], found["crps"]["ratio"]
    if factor == 1.0:
        # Pixels of a clip share latents: 200 clips tell a ratio to about 1.5 %.
        assert spread == pytest.approx(1.0, abs=4 * found["spread_skill"]["error"])
        assert crps == pytest.approx(1.0, abs=0.04)
        np.testing.assert_allclose(found["coverage"]["share"], LEVELS, atol=0.02)
    else:
        assert spread < 0.9 and crps > 1.03
        assert found["coverage"]["share"][0] < 0.45
