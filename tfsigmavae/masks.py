"""Masks of Keras: which steps of a sequence count, and which are padding."""

import functools

import keras
import tensorflow as tf


def mask_of(tensor):
    """The mask that Keras keeps with a tensor: bool `[B, T]`, or `None`.

    True where a step counts. Layers such as `Masking` and `Embedding(mask_zero=True)`
    make it, and layers with `supports_masking` pass it on.
    """
    return getattr(tensor, "_keras_mask", None)


def joint_mask(masks):
    """One mask of a structure of masks: true where each of them is; `None` if none."""
    given = [mask for mask in keras.tree.flatten(masks) if mask is not None]
    return functools.reduce(keras.ops.logical_and, given) if given else None


def batch_mask(distribution):
    """The mask of a distribution, to be broadcast against its batch shape, or `None`.

    Args:
        distribution: the output of a distribution layer, batch shape `[B, T, ...]`.

    Returns:
        bool `[B, T, 1 ...]` of the rank of the batch shape, or `None`.

    Raises:
        ValueError: if the masked steps are no batch axis: a step within an event has
            no likelihood of its own to leave out.
    """
    mask = mask_of(distribution)
    if mask is None:
        return None
    mask = tf.cast(mask, tf.bool)
    missing = distribution.batch_shape.rank - mask.shape.rank
    if missing < 0:
        raise ValueError(
            f"A mask of shape {mask.shape} does not fit a distribution of batch shape "
            f"{distribution.batch_shape}: make the masked steps a batch axis, not part "
            f"of the event {distribution.event_shape}."
        )
    return mask[(..., *missing * [tf.newaxis])]
