"""Checks of the sizes, shapes and dtypes that parametrise distributions."""

import keras
import numpy as np
import tensorflow as tf


def to_size(size, argument: str) -> int:
    """Gives a Python int of anything that is one: Keras' Dense takes nothing else.

    Raises:
        ValueError: if it is not a positive integer, or not known in advance.
    """
    value = np.asarray(tf.get_static_value(size) if tf.is_tensor(size) else size)
    if value.shape != () or not isinstance(value.item(), int) or value.item() < 1:
        raise ValueError(
            f"`{argument}` must be a positive integer known in advance, got {size!r}."
        )
    return value.item()


def to_shape(shape, argument: str = "event_shape") -> tuple:
    """Gives a tuple of Python ints of an int, a sequence, a shape or an eager tensor.

    Raises:
        ValueError: if a size is not a positive integer, or not known in advance.
    """
    if isinstance(shape, tf.TensorShape):
        shape = shape.as_list()
    if tf.is_tensor(shape):
        shape = tf.get_static_value(shape)
    sizes = np.atleast_1d(np.asarray(shape, dtype=object))
    return tuple(to_size(size, argument) for size in sizes)


def check_size(params, expected: int) -> tf.Tensor:
    """Gives the same parameters, the size of their last axis known to be `expected`.

    TFP would make other categories or components of more, in silence, or fail inside.

    Raises:
        ValueError: if the last axis has another size; where the size is known only at
            run time, `tf.errors.InvalidArgumentError` then.
    """
    if params.shape.rank is None or params.shape[-1] == expected:
        return params
    if params.shape[-1] is None:
        return tf.ensure_shape(params, [*params.shape[:-1], expected])
    raise ValueError(
        f"The last axis of the parameters must have size {expected}, the layer's "
        f"`params_size`, got shape {params.shape}."
    )


def reshape_last_axis(params, shape) -> tf.Tensor:
    """`[..., prod(shape)]` -> `[..., *shape]`, whatever the leading axes."""
    leading = tf.shape(params)[:-1]
    return tf.reshape(params, tf.concat([leading, tf.constant(shape, tf.int32)], 0))


def dtype_name(dtype):
    """Name of a dtype as a saved configuration holds it, or `None`."""
    return None if dtype is None else tf.as_dtype(dtype).name


def likelihood_dtype(dtype) -> str:
    """In what a layer of distributions computes: "float64" or "float32".

    Args:
        dtype: dtype, name or policy that was asked for, or `None`, Keras' own default.
            Only one that computes in float64 gives float64: log likelihoods of
            thousands of pixels do not survive the few bits of half precision.
    """
    policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
    return "float64" if policy.compute_dtype == "float64" else "float32"


def as_keras_loss(value):
    """A loss in the dtype in which Keras sums losses: it casts that of `compile`."""
    return tf.cast(value, keras.config.floatx())
