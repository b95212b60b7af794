"""What `fit` takes, taken apart: batches of inputs and weights of their examples."""

import inspect
import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def inputs_and_weights(data):
    """Inputs of a batch as `fit` gives it, and weights of its examples or `None`.

    Args:
        data: inputs, `(inputs,)` or `(inputs, None, sample_weight)`; `no_targets` stand
            for `None`.

    Raises:
        ValueError: if there are targets, a list in place of inputs, or weights of
            another shape than `[B]`.
    """
    unpacked: tuple[Any, Any, Any] = keras.utils.unpack_x_y_sample_weight(data)
    inputs, targets, weights = unpacked
    if not (tf.is_tensor(targets) and targets.shape[-1:] == [0]):
        check_no_targets(targets)
    check_no_list(inputs)
    if weights is None:
        return inputs, None
    weights = tf.convert_to_tensor(weights)
    if weights.shape.rank != 1:
        raise ValueError(
            "`sample_weight` must have shape [B], one weight for each example, got "
            f"{tuple(weights.shape)}."
        )
    return inputs, weights


def no_targets(inputs, sample_weight):
    """Targets for Keras to carry the weights beside: without any it drops them.

    Args:
        inputs: array, tensor or a nest of them, examples first.
        sample_weight: `[N]`, or `None`.

    Returns:
        Targets of no numbers, `[N, 0]`; `None` where there are no weights to carry.
    """
    batches = isinstance(inputs, (tf.data.Dataset, keras.utils.PyDataset))
    if sample_weight is None or batches or inspect.isgenerator(inputs):
        return None
    return np.zeros([len(tf.nest.flatten(inputs)[0]), 0], np.float32)


def check_no_targets(targets):
    """Raises a ValueError if `fit` or `evaluate` was given targets."""
    if targets is not None:
        raise ValueError(
            "A variational model predicts its own input: pass `fit(x)` or a dataset of "
            "inputs, without targets. Weights of examples go as `fit(x, "
            "sample_weight=w)` or as a dataset of (x, None, w). Clips with actions are "
            'a dict: {"frames": clips, "actions": actions}.'
        )


def check_no_list(inputs):
    """Raises a ValueError for a list, which Keras takes for several inputs.

    It would cut and shuffle each of them along its own first axis: rows of an image.
    """
    if isinstance(inputs, (list, tuple)):
        raise ValueError(
            f"Inputs must be an array, got a {type(inputs).__name__} of {len(inputs)}: "
            "give `np.stack(...)` of a list of examples, and the one array of [array]. "
            'Clips with actions are a dict: {"frames": clips, "actions": actions}.'
        )


def example_shapes(data):
    """Shapes of what `fit` takes, as a list, without axes 0 and 1; `None` if unknown.

    Args:
        data: array, tensor or a nest of them, or `tf.data.Dataset`.
    """
    if isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        data = spec[0] if isinstance(spec, tuple) else spec
    parts = tf.nest.flatten(data)
    if not all(hasattr(part, "shape") for part in parts):
        return None
    shapes = [tf.TensorShape(part.shape) for part in parts]
    if any(shape.rank is None for shape in shapes):
        return None
    return [(shape.rank, *shape[2:]) for shape in shapes]


def check_no_class_weight(class_weight):
    """Raises a ValueError if `fit` or `train_on_batch` was given weights of classes."""
    if class_weight is not None:
        raise ValueError(
            "A variational model has no classes to weigh by `class_weight`: give each "
            "example its own by `sample_weight`."
        )


def input_batches(data, batch_size=32, steps=None):
    """Inputs batch by batch, out of anything that `fit` takes.

    Args:
        data: array, tensor or a nest of them, examples first; `tf.data.Dataset`,
            `keras.utils.PyDataset`, or an iterator of batches.
        batch_size: int, examples of a batch of arrays. Defaults to `32`. Others come in
            batches.
        steps: int, how many batches. Defaults to `None`, all.

    Yields:
        Inputs, a nest of tensors `[B, ...]`.

    Raises:
        ValueError: if `steps` is missing for endless data; if there are targets or
            weights.
    """
    if isinstance(data, tf.data.Dataset):
        num_batches, batches = int(data.cardinality()), data
        endless = num_batches == tf.data.INFINITE_CARDINALITY
    elif isinstance(data, keras.utils.PyDataset):
        num_batches = data.num_batches
        endless = num_batches is None
        numbers = itertools.count() if endless else range(num_batches)
        batches = (data[number] for number in numbers)
    elif inspect.isgenerator(data) or hasattr(data, "__next__"):
        endless, batches = False, data  # if it is, nobody can know
    else:
        endless, batches = False, _slices(data, batch_size)
    if endless and steps is None:
        raise ValueError("The data is endless: pass `steps`, how many batches.")
    for batch in itertools.islice(batches, steps):
        inputs, weights = inputs_and_weights(batch)
        _check_no_weights(weights)
        yield tf.nest.map_structure(tf.convert_to_tensor, inputs)


def _check_no_weights(weights):
    if weights is not None:
        raise ValueError("Weights of examples are for `fit` and `evaluate` only.")


def _slices(data, batch_size):
    if isinstance(data, tuple) and len(data) in (1, 3):
        data, weights = inputs_and_weights(data)
        _check_no_weights(weights)
    check_no_list(data)
    arrays = tf.nest.map_structure(tf.convert_to_tensor, data)
    num_examples = len(tf.nest.flatten(arrays)[0])
    for start in range(0, num_examples, batch_size):
        yield tf.nest.map_structure(lambda x: x[start : start + batch_size], arrays)  # noqa: B023
