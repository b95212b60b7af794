"""Learning rate schedules against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.schedules import ConstantThenLinear


@pytest.mark.parametrize(
    ("decay_from", "final_share"), [(0.7, 0.05), (0.0, 0.0), (0.5, 1.0), (1.0, 0.05)]
)
def test_is_constant_then_a_line(decay_from, final_share):
    schedule = ConstantThenLinear(2e-3, 100, decay_from, final_share)
    steps = np.arange(0, 150)
    # The last point lies at step 100; with decay_from=1 there is no line at all.
    end = 2e-3 if decay_from == 1.0 else 2e-3 * final_share
    corner = min(100 * decay_from, 99.999)
    expected = np.interp(steps, [0, corner, 100], [2e-3, 2e-3, end])
    rates = [schedule(tf.constant(step)) for step in steps]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-9)


def test_corners_of_the_default():
    schedule = ConstantThenLinear(1.0, 1000)
    rates = [float(schedule(step)) for step in (0, 700, 850, 1000, 5000)]
    np.testing.assert_allclose(rates, [1.0, 1.0, 0.525, 0.05, 0.05], rtol=1e-6)


def test_drives_an_optimizer_and_survives_its_configuration():
    schedule = ConstantThenLinear(0.5, 4, decay_from=0.5, final_share=0.0)
    optimizer = keras.optimizers.SGD(schedule)
    twin = keras.optimizers.SGD.from_config(optimizer.get_config())
    for each in (optimizer, twin):
        variable = keras.Variable(0.0)
        values = []
        for _ in range(5):
            each.apply([tf.ones([])], [variable])
            values.append(float(variable))
        # Rates .5, .5, .5, .25, 0.
        np.testing.assert_allclose(values, [-0.5, -1.0, -1.5, -1.75, -1.75])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0.0, 10), "must be positive"),
        ((-1e-3, 10), "must be positive"),
        ((1e-3, 0), "must be positive"),
        ((1e-3, 10, 1.5), r"must be in \[0, 1\]"),
        ((1e-3, 10, -0.1), r"must be in \[0, 1\]"),
        ((1e-3, 10, 0.5, 2.0), r"must be in \[0, 1\]"),
        ((float("nan"), 10), "must be positive"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        ConstantThenLinear(*arguments)
