"""Pure tensor functions: reductions, unit conversions and pixel ranges."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import asserted
from tfsigmavae.typing import Array


def sum_event(values: tf.Tensor) -> tf.Tensor:
    """Sums values over every axis but the first: `[B, ...]` -> `[B]`."""
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def mean_event(values: tf.Tensor) -> tf.Tensor:
    """Averages values over every axis but the first: `[B, ...]` -> `[B]`."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def split_last_axis(values: tf.Tensor, size: int) -> tf.Tensor:
    """Splits the last axis of values: `[..., n * size]` -> `[..., n, size]`."""
    groups = values.shape[-1] // size  # pyright: ignore[reportOptionalOperand]
    return tf.reshape(values, tf.concat([tf.shape(values)[:-1], [groups, size]], 0))


def mean_over_replicas(
    values: tf.Tensor, axis: Any = None, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """Averages over `axis` (all by default) and over the replicas of a strategy.

    Every element counts alike, or by its weight, also where replicas hold different
    numbers of them: the last batch of an epoch may leave a replica with fewer examples,
    or with none.

    Args:
        values: float tensor.
        axis: int or list of them, the axes to average over. Defaults to `None`, all.
        weights: of the dtype of `values`, broadcast against it, not negative. What has
            weight 0 does not enter, be it NaN; where all have, the average is NaN.
            Defaults to `None`, all alike.

    Returns:
        float tensor without those axes.
    """
    if weights is None:
        total = tf.reduce_sum(values, axis)
        count = tf.cast(tf.size(values), values.dtype) / tf.cast(
            tf.size(total), values.dtype
        )
    else:
        total, count = _weighted_sum(values, weights, axis, keepdims=False)
    replica = tf.distribute.get_replica_context()
    if replica is not None and replica.num_replicas_in_sync > 1:
        total, count = replica.all_reduce(tf.distribute.ReduceOp.SUM, [total, count])
    return total / count


def weighted_mean(values: tf.Tensor, weights: tf.Tensor, axis: Any) -> tf.Tensor:
    """The mean of values by weights over `axis`, kept; see `mean_over_replicas`."""
    total, count = _weighted_sum(values, weights, axis, keepdims=True)
    return total / count


def _weighted_sum(values, weights, axis, keepdims):
    weights = tf.broadcast_to(weights, tf.shape(values))
    # What has weight 0 may be anything, NaN too.
    total = tf.reduce_sum(tf.math.multiply_no_nan(values, weights), axis, keepdims)
    return total, tf.reduce_sum(weights, axis, keepdims)


def nats_to_bits_per_dim(
    nats: tf.Tensor, num_dims: int | tf.Tensor, density: bool = True
) -> tf.Tensor:
    """Turns a negative log likelihood in nats into bits per dimension.

    A density over pixels in [0, 1] becomes a bound on the probability of 256 grey
    levels by spreading each level over its bin of width 1 / 256:

        bits = (nats / num_dims + log(256)) / log(2)

    The bound is exact for uniformly dequantised pixels, x = (level + u) / 256, and an
    approximation for pixels on the grid, x = level / 255.

    Args:
        nats: float tensor of any shape, `-log p(x)` of a whole image or clip.
        num_dims: number of pixels times channels (times frames) of that image or clip.
        density: whether `p` is a density over [0, 1] (`True`), or already the
            probability of discrete grey levels (`False`). Defaults to `True`.

    Returns:
        float tensor of the shape of `nats`, bits per dimension.
    """
    bridge = math.log(256.0) if density else 0.0
    return (nats / tf.cast(num_dims, nats.dtype) + bridge) / math.log(2.0)


def soft_clip(values: tf.Tensor, low: Any = None, high: Any = None) -> tf.Tensor:
    """Bounds values smoothly, with a gradient everywhere.

        high - softplus(high - values), then low + softplus(values - low)

    Well inside the bounds it is nearly the identity, but it is biased near them: 0.05
    at a distance of 3, 0.69 at the bound itself.

    Args:
        values: float tensor, e.g. log sigma.
        low: float, lower bound. Defaults to `None`, no bound.
        high: float, upper bound. Defaults to `None`, no bound.

    Returns:
        float tensor of the same shape, between `low` and `high`, each of which is
        exceeded by no more than the other's bias.

    Reference: Chua et al., 2018, appendix A.1.
    """
    if high is not None:
        values = high - tf.nn.softplus(high - values)
    if low is not None:
        values = low + tf.nn.softplus(values - low)
    return values


def to_tensor(values: Array) -> tf.Tensor:
    """Gives values, an array or lists of them, as a tensor of their own dtype.

    A list of uint8 frames is uint8, and Python numbers are int64 and float64, as NumPy
    has it: TensorFlow makes int32 of the arrays in a list, and rounds numbers.
    """
    if isinstance(values, (list, tuple)):
        if not any(tf.is_tensor(value) for value in tf.nest.flatten(values)):
            values = np.asarray(values)
    return tf.convert_to_tensor(values)


def to_unit_range(
    pixels: Array, name: str = "pixels", dtype: str | tf.DType = "float32"
) -> tf.Tensor:
    """Gives pixels as floating numbers in [0, 1].

    Args:
        pixels: uint8 tensor (divided by 255) or floating tensor already in [0, 1], or
            lists of such.
        name: how the error message calls the tensor.
        dtype: of the result, `"float32"` or `"float64"`. Defaults to `"float32"`.

    Returns:
        Tensor of the same shape.

    Raises:
        TypeError: for any other dtype.
        tf.errors.InvalidArgumentError: for floats outside [0, 1] or not finite. XLA
            drops assertions: in a compiled function all pixels become NaN instead.
    """
    values = to_tensor(pixels)
    if values.dtype == tf.uint8:
        return tf.cast(values, dtype) / 255.0
    if not values.dtype.is_floating:
        raise TypeError(
            f"`{name}` must be uint8 (meaning value / 255) or floating in [0, 1], "
            f"got dtype {values.dtype.name}."
        )
    values = tf.cast(values, dtype)
    # Half a grey level of slack for resized images; a [-1, 1] or [0, 255] range is
    # far outside. NaN fails both comparisons.
    in_range = tf.reduce_all((values >= -0.002) & (values <= 1.002))
    checked = asserted(
        values,
        in_range,
        [
            f"`{name}` must lie in [0, 1] when floating: divide 8-bit values by 255. "
            "Smallest and largest value:",
            tf.reduce_min(values),
            tf.reduce_max(values),
        ],
    )
    return checked + tf.where(in_range, tf.zeros([], dtype), math.nan)


__all__ = [
    "mean_event",
    "mean_over_replicas",
    "nats_to_bits_per_dim",
    "soft_clip",
    "split_last_axis",
    "sum_event",
    "to_tensor",
    "to_unit_range",
    "weighted_mean",
]


def __dir__():
    return list(__all__)
