"""Figures of the report as text."""

import math

import numpy as np
import pytest

from tfsigmavae.evaluation.report.numbers import estimate, flat, number, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (20.123456, "20.12"),
        (1.0, "1.000"),
        (0, "0"),
        (0.0, "0.000"),
        (256, "256"),
        (1234567, "1,234,567"),
        (-171234.5, "−171,234"),
        (-0.5, "−0.5000"),
        (9999.6, "10,000"),
        (3.2e-9, "3.20e−09"),
        (np.float32(2.5), "2.500"),
        (np.int64(7), "7"),
        *[(nothing, "–") for nothing in (None, math.nan, math.inf, -math.inf, True)],
        ("text", "–"),
    ],
)
def test_a_number_has_the_digits_that_mean_something(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (20.1234, 0.2134, "20.12 ± 0.21"),
        (20.1234, 1.57, "20.1 ± 1.6"),
        (171234.5, 321.4, "171,234 ± 321"),
        (-171234.5, 21.4, "−171,234 ± 21"),
        (0.81234, 0.000512, "0.81234 ± 0.00051"),
        (5.0, 0.0, "5.000"),
        (5.0, None, "5.000"),
        (5.0, math.nan, "5.000"),
        (None, 0.1, "–"),
        (math.nan, 0.1, "–"),
        (1.0, 1e-9, "1.000 ± 1e−09"),
    ],
)
def test_an_estimate_ends_with_its_error(mean, error, text):
    assert estimate(mean, error) == text


def test_values_of_options_are_told_as_they_are():
    values = {"a": {"b": {"c": 1.5}, "d": {}}, "e": [1, [2.0, None]], "f": False}
    assert list(flat(values)) == [
        ("a.b.c", "1.5"),
        ("a.d", "none"),
        ("e", "1, 2, –"),
        ("f", "no"),
    ]
    assert value_text("") == "" and value_text([]) == "none"
    assert value_text(math.nan) == value_text(None) == "–"
