"""Checks of arguments that several modules make."""

import numbers

import tensorflow as tf


def check_at_least(name: str, value, least: int) -> None:
    """Raises a `ValueError` unless `value` is an integer and not below `least`."""
    is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_int or value < least:
        raise ValueError(f"`{name}` must be an int >= {least}, got {value!r}.")


def check_choice(name: str, value, choices) -> None:
    """Raises a `ValueError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"Unknown `{name}` {value!r}. Choose one of: {tuple(choices)}."
        )


def asserted(value, condition, message):
    """Gives `value`, for nothing that uses it to run before the check.

    Args:
        value: tensor.
        condition: bool scalar tensor.
        message: list of strings and tensors.

    Raises:
        tf.errors.InvalidArgumentError: with `message`, unless `condition`; when the
            graph runs, or at once in eager mode. XLA leaves checks out.
    """
    check = tf.debugging.Assert(condition, message)
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(value)
