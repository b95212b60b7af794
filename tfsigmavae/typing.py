"""Types of what users hand in and get back, for annotations and editors."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from tensorflow_probability.python.distributions.distribution import Distribution
else:
    # The public name, which type checkers cannot follow: TFP loads it lazily.
    from tensorflow_probability import distributions

    Distribution = distributions.Distribution

# What TensorFlow makes a tensor of; a sequence is one of numbers, nested as it may be.
Array: TypeAlias = np.ndarray | tf.Tensor | Sequence[Any]
# Pixels in memory.
Pixels: TypeAlias = np.ndarray | tf.Tensor
# What `elbo_terms` takes: pixels, or a dict of them and what belongs to them.
Batch: TypeAlias = Array | dict[str, Any]
# What `fit` takes.
Data: TypeAlias = Batch | tf.data.Dataset | keras.utils.PyDataset | Iterable[Any]
PathLike: TypeAlias = str | os.PathLike[str]
# A dtype, its name or, for Keras' layers, a policy.
DType: TypeAlias = str | tf.DType | keras.DTypePolicy
# Of a tensor, as Keras tells it: `None` where an axis is free.
Shape: TypeAlias = Sequence[int | None] | tf.TensorShape
# Which tensor stands for a distribution.
ConvertToTensor: TypeAlias = (
    Literal["sample", "mean", "mode", "stddev", "variance", "logits"]
    | Callable[[Any], Any]
    | property
)
# Of a step or an epoch, as Keras hands them to callbacks.
Logs: TypeAlias = dict[str, Any]
