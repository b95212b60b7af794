"""Checks A to I: each passes on good figures, and fails on bad ones."""

import math

import pytest
import reproduction_rows

from tfsigmavae.experiments.reproduction.check import Check
from tfsigmavae.experiments.reproduction.checks import run_checks
from tfsigmavae.experiments.reproduction.table import Estimate


def check(key, study=None, **changes):
    results = reproduction_rows.results(**changes)
    checks = run_checks(results, study or reproduction_rows.study())
    return {check.key: check for check in checks}[key]


def test_good_figures_pass_every_gate():
    checks = run_checks(reproduction_rows.results(), reproduction_rows.study())
    assert {check.key[0] for check in checks} == set("ABCDEFGHI")
    gated = [check for check in checks if check.gated]
    assert len(gated) == 20 and all(check.passed for check in gated)
    assert not [check for check in checks if check.failed]


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("A1", {"beta_0.03": {"negative_elbo": -606.0}}),
        ("A2", {"optimal": {"negative_elbo": -589.0}}),
        ("B", {"shared_fast": {"negative_elbo": -570.0}}),
        ("B", {"shared_fast": {"negative_elbo": -640.0}}),
        ("C1", {"unit": {"negative_elbo": 590.0}}),
        ("C2", {"unit": {"negative_elbo_recalibrated": -410.0}}),
        ("C3", {"unit": {"rmse": 0.15}}),
        ("C4", {"unit": {"fd_reconstructions": 44.0}}),
        ("D", {"beta_0.1": {"negative_elbo": -590.0}}),
        ("D", {"optimal": {"effective_beta": 0.06}}),
        ("E1", {"shared": {"negative_elbo_at_1000": -300.0}}),
        ("E2", {"shared": {"sigma": 0.138}}),
        ("F1", {"per_pixel": {"fd": 110.0}}),
        ("F2", {"per_pixel": {"rmse": 0.13}}),
        ("F3", {"per_pixel": {"negative_elbo": -800.0}}),
        ("F3", {"per_pixel": {"negative_elbo": math.nan}}),
        ("G1", {"optimal": {"sigma": 0.115}}),
        ("G1", {"optimal": {"sigma": 0.107}}),
        ("G2", {"optimal": {"negative_elbo_recalibrated": -606.0}}),
        ("G3", {"optimal": {"batch_difference": 1e-3}}),
        ("H1", {"bitwise": {"bits_per_dim_mass": 4.2}}),
        ("H2", {"bitwise": {"kl": 29.0}}),
        ("H3", {"logistic_mixture": {"bits_per_dim_mass": 3.8}}),
        ("H4", {"logistic_mixture": {"kl": 71.0}}),
    ],
)
def test_a_figure_beyond_its_limit_fails(key, changes):
    assert check(key).passed and check(key).verdict == "pass"
    found = check(key, **changes)
    assert found.failed and found.verdict == "FAIL"


def test_values_are_means_of_differences_between_equal_seeds():
    found = check("C1", unit={"negative_elbo": 737.0})  # no seed's own 8 nats
    # optimal: -600 and -592
    assert found.value.mean == pytest.approx(1333.0)
    assert found.value.spread == pytest.approx(math.sqrt(32.0))
    assert found.value.count == 2


def test_the_nearest_beta_is_meant_in_log_scale():
    nearest = check("D")
    assert nearest.low == pytest.approx(math.sqrt(0.01 * 0.03))
    assert nearest.high == pytest.approx(math.sqrt(0.03 * 0.1))
    assert nearest.note == "the best of 0.01, 0.03, 0.1, 2 is 0.03"


def test_the_frechet_distance_is_gated_on_cifar_only():
    good = {"unit": {"fd": 200.0}, "beta_0.1": {"fd": 84.0}}
    cifar = reproduction_rows.study("cifar")
    for key in ("I1", "I2"):
        assert not check(key).gated and not check(key).passed
        assert check(key).verdict == "outside, not gated"
        assert check(key, cifar).failed
        assert check(key, cifar, **good).passed
    gated = {
        check.key
        for check in run_checks(reproduction_rows.results(), cifar)
        if check.gated and check.value is not None
    }
    assert gated == {"B", "F1", "F2", "G1", "G2", "G3", "I1", "I2"}


def test_limits_of_colour_images_are_wider():
    cifar = reproduction_rows.study("cifar")
    wide = {"optimal": {"sigma": 0.117}, "shared_fast": {"negative_elbo": -572.0}}
    assert not check("G1", **wide).passed and check("G1", cifar, **wide).passed
    colour = {name: {"num_dims": 3072} for name in reproduction_rows.FIGURES}
    wide["shared_fast"] |= colour.pop("shared_fast")
    wide["optimal"] |= colour.pop("optimal")
    assert check("B", cifar, **wide, **colour).limits == "-30.0 to 30.0"


def test_nothing_is_gated_on_other_data():
    results = reproduction_rows.results(unit={"negative_elbo": -900.0})
    checks = run_checks(results, reproduction_rows.study(None))
    assert not [check for check in checks if check.failed]
    assert [check for check in checks if check.passed is False]


def test_what_needs_a_long_schedule_is_not_run_in_a_short_one():
    short = reproduction_rows.study(steps=1200)
    for key in ("A2", "E2"):
        assert check(key, short).passed is None
        assert check(key, short).verdict == "not run"
    assert check("E1", short).passed


def test_without_rows_nothing_is_run_and_nothing_fails():
    checks = run_checks(reproduction_rows.results(seeds=0), reproduction_rows.study())
    assert {check.verdict for check in checks} == {"not run"}


def test_limits_belong_to_what_passes():
    value = Estimate(5.0, math.nan, 1)
    assert Check("K", "", value, low=5.0, high=5.0).passed
    assert Check("K", "", value, low=5.1).limits == ">= 5.10"
    assert Check("K", "", value, high=4.9).limits == "<= 4.90"
