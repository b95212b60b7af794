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


@pytest.mark.parametrize("decay_from", [1.0, 0.5])
def test_warm_up_rises_in_a_line_to_the_rate_without_it(decay_from):
    plain = ConstantThenLinear(2e-3, 100, decay_from)
    warm = ConstantThenLinear(2e-3, 100, decay_from, warm_up=8)
    steps = np.arange(0, 120)
    # The first update has an eighth of the rate, the eighth all of it.
    expected = np.interp(steps, [-1, 7], [0, 1]) * [float(plain(s)) for s in steps]
    rates = [warm(tf.constant(step)) for step in steps]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    twin = ConstantThenLinear.from_config(warm.get_config())
    assert float(twin(3)) == float(warm(3)) < float(plain(3))


def test_a_configuration_without_warm_up_is_one_of_none():
    """Of version 0.1.0."""
    config = ConstantThenLinear(0.5, 4).get_config()
    del config["warm_up"]
    assert float(ConstantThenLinear.from_config(config)(0)) == 0.5


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
        ((1e-3, 10, 0.5, 0.0, -1), "`warm_up` must be an int >= 0"),
        ((1e-3, 10, 0.5, 0.0, 2.5), "`warm_up` must be an int >= 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        ConstantThenLinear(*arguments)
