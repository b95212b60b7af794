"""Weights of the examples of a batch, made ready for a fit."""

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import asserted
from tfsigmavae.math import to_tensor


def example_weights(sample_weight, params) -> tf.Tensor:
    """Gives weights of the dtype and the rank of `params`, checked.

    Args:
        sample_weight: `[B]`, or more of the first axes of `params`, such as `[B, T]`;
            any but the batch axis may have size 1, for all alike.
        params: `[B, ..., C]` float tensor.

    Returns:
        The weights, followed by axes of size 1.

    Raises:
        ValueError: if they have another shape, or one that is known is negative or not
            finite.
        tf.errors.InvalidArgumentError: for such a one when a graph runs. XLA leaves the
            check out.
    """
    weights = tf.cast(to_tensor(sample_weight), params.dtype)
    num_axes = weights.shape.rank
    if not (0 < num_axes < params.shape.rank and _match(weights.shape, params.shape)):
        raise ValueError(
            "`sample_weight` must have the first axes of `params`, "
            f"{params.shape}: [B], or [B, T] of clips, got shape {weights.shape}."
        )
    words = "`sample_weight` must be finite and not negative"
    known = tf.get_static_value(weights)
    if known is None:
        valid = tf.reduce_all(tf.math.is_finite(weights) & (weights >= 0.0))
        weights = asserted(weights, valid, [f"{words}; they are:", weights])
    elif not (np.isfinite(known).all() and (known >= 0.0).all()):
        raise ValueError(f"{words}, got {known.min()} to {known.max()}.")
    return _of_rank(weights, params)


def masked_weights(weights, mask, params) -> tf.Tensor:
    """Gives such weights, or `None` for all alike, as 0 where a step is padding.

    Raises:
        ValueError: unless `mask` has the first axes of `params`, without the last.
    """
    if len(mask.shape) >= params.shape.rank:
        raise ValueError(
            "The mask of `params` must be one of steps, [B, T], got shape "
            f"{mask.shape} for {params.shape}."
        )
    steps = _of_rank(tf.cast(mask, params.dtype), params)
    return steps if weights is None else weights * steps


def _of_rank(values, params):
    return values[(..., *[tf.newaxis] * (params.shape.rank - values.shape.rank))]


def _match(shape, of_params):
    sizes = list(zip(shape, of_params, strict=False))
    stretched = [(size, of) for size, of in sizes[1:] if size != 1]
    return all(None in pair or pair[0] == pair[1] for pair in sizes[:1] + stretched)
