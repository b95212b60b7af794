"""Checks of arguments that several modules make."""

import contextlib
import numbers
import re

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


# Beginnings of what checks in graphs say.
_of_graphs = set()


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
    if tf.executing_eagerly():
        if not condition:
            words = " ".join(map(_as_text, message))
            raise tf.errors.InvalidArgumentError(None, None, words)
        return tf.identity(value)
    if isinstance(message[0], str):
        _of_graphs.add(message[0])
    check = tf.debugging.Assert(condition, message)
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(value)


@contextlib.contextmanager
def in_plain_words():
    """Lets a failed check say what `asserted` was told, and nothing else.

    A graph adds where each of its nodes was traced, dozens of lines. Assertions of
    others keep theirs.

    Raises:
        tf.errors.InvalidArgumentError: the same with fewer words.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"assertion failed: \[(.*)\]$", str(error), re.MULTILINE)
        if found is None or not found[1].startswith(tuple(_of_graphs)):
            raise
        message = " ".join(found[1].split("] ["))
        raise tf.errors.InvalidArgumentError(None, None, message) from None


def _as_text(part):
    if isinstance(part, str):
        return part
    value = tf.convert_to_tensor(part).numpy()
    return value.decode() if isinstance(value, bytes) else str(value)
