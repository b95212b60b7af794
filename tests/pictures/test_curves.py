"""Curves: what they show lies where it belongs."""

import math

import numpy as np
import pytest

from tfsigmavae.pictures.curves import (
    COLOURS,
    Panel,
    _limits,
    curve_panels,
    number_text,
    ticks,
)


def line(*values):
    steps = np.arange(1, len(values) + 1) * 100.0
    return np.stack([steps, np.array(values, float)], axis=1)


def centre(picture, colour):
    """Mean row and column of the pixels that have about a colour, below the titles."""
    near = np.abs(picture.astype(int) - colour).max(axis=-1) < 40
    near[:84] = False
    return np.argwhere(near).mean(axis=0)


def test_a_higher_curve_is_higher_and_has_its_colour():
    lines = {"training": line(1, 1, 1), "validation": line(2, 2, 2)}
    picture = curve_panels([Panel("loss", lines)], "step")
    assert picture.dtype == np.uint8 and picture.ndim == 3
    low, high = (centre(picture, colour) for colour in COLOURS[:2])
    assert high[0] < low[0] - 50 and abs(high[1] - low[1]) < 5


def test_the_same_ratio_is_the_same_distance_on_a_logarithmic_axis():
    tops = []
    for value in (0.01, 0.1, 1.0):
        lines = {"a": line(0.01, 1.0), "b": line(value, value)}
        tops.append(centre(curve_panels([Panel("x", lines, True)], ""), COLOURS[1])[0])
    assert tops[0] - tops[1] == pytest.approx(tops[1] - tops[2], abs=2)


def test_a_wild_start_does_not_squeeze_the_rest():
    points = line(1e6, *np.linspace(2, 1, 29))
    low, high = _limits([points], 3000.0)
    assert 0.8 < low < 1 and 2 < high < 2.2
    # A start that is not wild is shown.
    points = line(3, *np.linspace(2, 1, 29))
    assert _limits([points], 3000.0)[1] > 3
    # Nothing but a start.
    assert _limits([line(5)], 100.0) == (4.75, 5.25)
    assert _limits([line(0, 0)], 200.0) == (-1, 1)


@pytest.mark.parametrize(
    "values",
    [[7], [0, 0, 0], [-5, 5], [1e-12, 1e12], [-1e9] * 3, [0.055, 0.0551]],
)
@pytest.mark.parametrize("is_log", [False, True])
def test_every_table_can_be_drawn(values, is_log):
    picture = curve_panels([Panel("x", {"training": line(*values)}, is_log)] * 4, "")
    assert np.ptp(picture) > 200


def test_no_panels_are_refused():
    with pytest.raises(ValueError, match="at least one panel"):
        curve_panels([], "step")


def test_too_many_labels_are_refused():
    lines = {str(number): line(number, 1) for number in range(7)}
    with pytest.raises(ValueError, match="at most 6 labels in all, got.*'6'"):
        curve_panels([Panel("x", lines)], "step")


def test_every_panel_has_the_label_of_its_axis():
    panel = Panel("x", {"a": line(1, 2)})
    bare, named = (curve_panels([panel] * 2, label) for label in ("", "step"))
    places = np.argwhere(np.any(bare != named, axis=-1))
    middle = bare.shape[1] // 2
    assert {bool(column > middle) for _, column in places} == {False, True}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 3000, [0, 1000, 2000, 3000]),
        (0.021, 0.062, [0.03, 0.04, 0.05, 0.06]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (97, 103, [98, 100, 102]),
    ],
)
def test_ticks_are_round_and_few(low, high, expected):
    np.testing.assert_allclose(ticks(low, high), expected, atol=1e-12)


def test_ticks_are_few_for_any_range():
    rng = np.random.default_rng(0)
    for _ in range(200):
        low = rng.normal() * 10 ** rng.uniform(-6, 6)
        high = low + 10 ** rng.uniform(-3, 6)
        found = ticks(low, high)
        assert 1 <= len(found) <= 5
        assert low - 1e-9 * abs(low) <= found[0] and found[-1] <= high + 1e-9 * abs(
            high
        )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0612, "0.0612"),
        (1200, "1,200"),
        (180_000, "180k"),
        (-83_690, "-83.7k"),
        (2e6, "2M"),
        (0, "0"),
        (math.pi, "3.14"),
    ],
)
def test_numbers_are_short(value, expected):
    assert number_text(value) == expected
