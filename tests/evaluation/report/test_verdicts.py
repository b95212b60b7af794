"""What the report says of a calibration: of samples whose answer is known."""

import numpy as np
import pytest

from tfsigmavae.evaluation.report import verdicts

RNG = np.random.default_rng(0)


def histogram(values):
    density = np.histogram(values, 40, (0, 1))[0] / len(values) * 40
    deviation = float(np.abs(density - 1).mean())
    return {"density": density.tolist(), "deviation": deviation, "calibrated": 1.0}


def normal_cdf(values):
    from scipy.stats import norm

    return norm.cdf(values)


@pytest.mark.parametrize(
    ("error_of_one_sigma", "shift", "word"),
    [
        (1.0, 0.0, "close to calibrated"),
        (2.0, 0.0, "overconfident"),
        (0.5, 0.0, "underconfident"),
        (1.0, 0.7, "biased: the truth lies above"),
        (1.0, -0.7, "biased: the truth lies below"),
    ],
)
def test_pit_of_gaussians(error_of_one_sigma, shift, word):
    errors = RNG.normal(shift, error_of_one_sigma, 100_000)
    assert verdicts.pit(histogram(normal_cdf(errors))).startswith(word)


def test_pit_of_heavy_tails():
    """Mostly much smaller than the sigma of 1 that is told, at times much larger."""
    errors = RNG.normal(size=100_000) * RNG.choice([0.3, 4.0], 100_000, p=[0.8, 0.2])
    found = histogram(normal_cdf(errors))
    assert verdicts.pit(found).startswith("mixed: too wide for most")


@pytest.mark.parametrize("ends", [(0.92, 0.69), (0.7, 0.42)])
def test_pit_of_spikes_lower_than_the_mean(ends):
    """A narrow hump leaves ends that are below 1, but above their neighbours."""
    x = (np.arange(40) + 0.5) / 40
    density = 0.3 + 3.3 * np.exp(-(((x - 0.5) / 0.12) ** 2))
    density[0], density[-1] = ends
    found = {"density": density.tolist(), "deviation": 0.5, "calibrated": 1.0}
    assert verdicts.pit(found).startswith("mixed: too wide for most values, too narrow")
    density[0] = density[-1] = 0.3
    found["density"] = density.tolist()
    assert verdicts.pit(found).startswith("underconfident")


def test_pit_of_few_clips_is_not_told_apart():
    density = [1.2, 0.8] * 20
    found = {"density": density, "deviation": 0.2, "error": [0.15] * 40}
    assert verdicts.pit(found).startswith("not told apart from calibrated")
    assert not verdicts.pit(found | {"error": [0.05] * 40}).startswith("not told")


@pytest.mark.parametrize(
    ("scale", "word"),
    [(1.0, "close to calibrated"), (2.0, "overconfident"), (0.5, "underconfident")],
)
def test_coverage_and_sigma_of_gaussians(scale, word):
    errors = RNG.normal(0, scale, 100_000)
    levels, bounds = [0.5, 0.8, 0.9, 0.95], [0.6745, 1.2816, 1.6449, 1.9600]
    share = [float(np.mean(np.abs(errors) < bound)) for bound in bounds]
    told = verdicts.coverage({"levels": levels, "share": share, "error": [0.001] * 4})
    held = "{:.0f}, {:.0f}, {:.0f} and {:.0f} %".format(*(100 * x for x in share))
    assert told == f"{word}: intervals of 50, 80, 90 and 95 % hold {held}"
    # All stated with sigma = 1.
    rmse = float(np.sqrt(np.mean(errors**2)))
    told = verdicts.sigma({"ratio": rmse, "error": 0.003, "calibrated": 1.0})
    assert told.startswith(f"{word}: errors are {rmse:.3g}"[:-2])
    # The spread over the error is the other way round.
    told = verdicts.spread_skill({"ratio": 1 / rmse, "error": 0.003, "calibrated": 1.0})
    assert told.startswith(f"{word}: the samples' spread")


def test_what_the_error_does_not_tell_apart_is_not_called_close():
    told = verdicts.sigma({"ratio": 1.35, "error": 0.2})
    assert told == (
        "not told apart from calibrated: "
        "errors are 1.35 ± 0.20 times as large as sigma says"
    )
    assert verdicts.sigma({"ratio": 1.04, "error": 0.2}).startswith("close")
    assert verdicts.sigma({"ratio": 1.2, "error": 0.05}).startswith("overconfident")
    found = {"levels": [0.9], "share": [0.7], "error": [0.15]}
    assert verdicts.coverage(found).startswith("not told apart")
    # That of CRPS is the error of its value, in image units.
    found = {"value": 10.0, "error": 5.0, "expected": 5.0, "ratio": 2.0}
    assert verdicts.crps(found).startswith("overconfident")
    assert verdicts.crps(found | {"ratio_error": 0.6}).startswith("not told apart")


def test_coverage_regards_every_level():
    found = {"levels": [0.5, 0.8, 0.9, 0.95], "error": [0.004] * 4}
    assert verdicts.coverage(found | {"share": [0.8, 0.89, 0.915, 0.95]}) == (
        "underconfident at 50 and 80 %, close to calibrated at 90 and 95 %: "
        "these intervals hold 80, 89, 92 and 95 %"
    )


@pytest.mark.parametrize("name", ["sigma", "spread_skill", "crps", "coverage", "pit"])
def test_of_nothing_nothing_is_said(name):
    assert getattr(verdicts, name)({}) == ""
    nothing = {"ratio": None, "levels": [0.9], "share": [None], "density": [1.0]}
    assert getattr(verdicts, name)(nothing) == ""
