"""Latents in use, counted by their rate."""

import numpy as np
import pytest
from linear_gaussian import LinearGaussianModel

from tfsigmavae.metrics import active_units


def test_latents_above_the_threshold_count():
    rates = np.array([[0.0, 0.02, 0.0, 5.0], [0.0, 0.004, 0.01, 0.0]])
    # Means 0, 0.012, 0.005, 2.5.
    assert active_units(rates) == 2
    assert active_units(rates, threshold=0.0) == 3
    assert active_units(rates, threshold=3.0) == 0
    assert isinstance(active_units(rates), int)


def test_steps_are_averaged_as_examples_are():
    rates = np.random.default_rng(0).exponential(0.01, size=(3, 4, 50))
    flat = active_units(rates.reshape(12, 50))
    assert active_units(rates) == flat and 0 < flat < 50


def test_at_burdas_threshold_the_rate_is_half_the_variance():
    """A posterior as wide as an aggregate of N(0, 1) allows, by the closed form."""
    rng = np.random.default_rng(0)
    variance = 0.01
    means = np.sqrt(variance) * rng.normal(size=(100_000, 1))
    rates = 0.5 * (means**2 - variance - np.log(1.0 - variance))
    assert active_units(rates, threshold=0.0049) == 1
    assert active_units(rates, threshold=0.0052) == 0


def test_of_a_model():
    model = LinearGaussianModel()
    rates = model.latent_rates(model.simulate(50, 3))
    assert rates.shape == (50, 2, 2) and active_units(rates) == 2
    # Latents that move nothing are not in use.
    still = LinearGaussianModel(latent_size=2)
    still.gain, still.scale = 0.0 * still.gain, np.ones(2)
    assert active_units(still.latent_rates(model.simulate(50, 3))) == 0


@pytest.mark.parametrize(
    "rates", [np.zeros(3), np.zeros([0, 3]), np.zeros([3, 0]), [[np.nan, 1.0]]]
)
def test_rates_that_are_none_are_refused(rates):
    with pytest.raises(ValueError, match="`rates` must be finite"):
        active_units(rates)


def test_negative_threshold_is_refused():
    with pytest.raises(ValueError, match="`threshold`"):
        active_units(np.ones([2, 2]), threshold=-1.0)
