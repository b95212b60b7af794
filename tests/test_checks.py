"""Checks that several modules make."""

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.checks import asserted, check_at_least, check_choice


@pytest.mark.parametrize("value", [2, 3, np.int64(2)])
def test_integers_from_the_least_on_pass(value):
    check_at_least("steps", value, 2)


@pytest.mark.parametrize("value", [1, -2, 2.0, "2", None, tf.constant(2)])
def test_others_are_named(value):
    with pytest.raises(ValueError, match="`steps` must be an int >= 2, got"):
        check_at_least("steps", value, 2)


@pytest.mark.parametrize("choices", [("a", "b"), {"a": 1, "b": 2}])
def test_a_choice_is_one_of_those_named(choices):
    check_choice("mode", "b", choices)
    with pytest.raises(ValueError, match=r"Unknown `mode` 'c'.*one of: \('a', 'b'\)"):
        check_choice("mode", "c", choices)


@pytest.mark.parametrize("is_graph", [False, True])
def test_asserted_is_the_identity_or_an_error(is_graph):
    def halve(value):
        positive = asserted(value, value > 0.0, ["not positive:", value])
        return positive / 2.0

    call = tf.function(halve) if is_graph else halve
    assert call(tf.constant(3.0)) == 1.5
    with pytest.raises(tf.errors.InvalidArgumentError, match="not positive"):
        call(tf.constant(-3.0))


def test_nothing_that_uses_the_value_runs_before_the_check():
    """The more so what nothing is returned of."""
    seen = tf.Variable(0.0)

    @tf.function
    def keep(value):
        seen.assign(asserted(value, value > 0.0, ["not positive"]))

    with pytest.raises(tf.errors.InvalidArgumentError):
        keep(tf.constant(-3.0))
    assert seen == 0.0
