"""The importance-weighted bound on log p(x)."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.models.batches import input_batches
from tfsigmavae.models.seeding import fold_in


def log_mean_weight(
    draw, num_samples, shape, key, dtype: str | tf.DType = "float32"
) -> tf.Tensor:
    """Log of the mean importance weight, one sample in memory at a time.

        log 1/K * sum over k of w_k,   w = p(x, z) / q(z | x),   z ~ q(z | x)

    Args:
        draw: function from a seed, int32 `[2]`, to log w of one posterior sample, `[B]`
            or of any shape.
        num_samples: int32 scalar, K.
        shape: list, that of the weights; 1 where an axis is not known before.
        key: int32 `[2]`, from which the seed of every sample is derived.
        dtype: of the weights. Defaults to `"float32"`.

    Returns:
        Tensor of the shape of a weight.

    Reference: Burda et al., 2016, equation 8.
    """

    def add(k, log_sum):
        return k + 1, tfp.math.log_add_exp(log_sum, draw(fold_in(key, k)))

    nothing = tf.fill(shape, tf.constant(-math.inf, dtype))
    _, log_sum = tf.while_loop(
        lambda k, _: k < num_samples,
        add,
        [0, nothing],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None] * len(shape))],
    )
    return log_sum - tf.math.log(tf.cast(num_samples, dtype))


def step_log_mean_weights(draw, num_samples, batch_size, key, dtype="float32"):
    """What each step adds to `log_mean_weight` of a sequence.

        b_t = log 1/K * sum over k of w_1^k * ... * w_t^k,    b_t - b_(t-1),   b_0 = 0

    An estimate of log p(x_t | x_1 ... x_(t-1)), nats that add up to the bound on the
    whole sequence. One sample is in memory at a time.

    Args:
        draw: function from a seed, int32 `[2]`, to log w_t `[B, T]` of one posterior
            sample.
        num_samples, batch_size, key: see `log_mean_weight`; `batch_size` is B.
        dtype: of the result. Defaults to `"float32"`.

    Returns:
        Tensor `[B, T]`.
    """

    # In float64: a step is a small difference of sums over many.
    def draw_sums(seed):
        return tf.cumsum(tf.cast(draw(seed), tf.float64), axis=1)

    bounds = log_mean_weight(draw_sums, num_samples, [batch_size, 1], key, tf.float64)
    before = tf.pad(bounds[:, :-1], [[0, 0], [1, 0]])
    return tf.cast(bounds - before, dtype)


def bound_in_batches(bound, data, num_samples, seed, batch_size) -> tf.Tensor:
    """A bound on log p(x) of any number of examples, some in memory at a time.

    Args:
        bound: function (inputs, number of samples, key) -> `[B, ...]`.
        data: see `input_batches`.
        num_samples: int >= 1.
        seed: int; every batch has a key of its own.
        batch_size: int >= 1, for arrays.

    Returns:
        Tensor `[N, ...]`.

    Raises:
        ValueError: if a number is no positive whole one, there are no examples, or
            their bounds are not of one shape.
    """
    for value in (num_samples, batch_size):
        if not (value >= 1 and int(value) == value):
            raise ValueError(
                "`num_importance_samples` and `batch_size` must be at least 1 and "
                f"whole, got {num_samples} and {batch_size}."
            )
    seed = tf.cast(seed, tf.int32)
    bounds = [
        bound(inputs, tf.constant(num_samples), tf.stack([seed, number]))
        for number, inputs in enumerate(input_batches(data, batch_size))
    ]
    if not bounds:
        raise ValueError("`inputs` holds no examples.")
    shapes = {tuple(bound.shape[1:]) for bound in bounds}
    if len(shapes) > 1:
        raise ValueError(
            "All clips must have as many frames to have a row each, got clips that "
            f"score {sorted(n for (n,) in shapes)} frames. Call it for each length."
        )
    return tf.concat(bounds, 0)
