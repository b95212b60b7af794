"""The importance-weighted bound on log p(x)."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.models.seeding import fold_in


def log_mean_weight(draw, num_samples, batch_size, key) -> tf.Tensor:
    """Log of the mean importance weight, one sample in memory at a time.

        log 1/K * sum over k of w_k,   w = p(x, z) / q(z | x),   z ~ q(z | x)

    Args:
        draw: function from a seed, int32 `[2]`, to log w `[B]` of one posterior sample.
        num_samples: int32 scalar, K.
        batch_size: int32 scalar, B.
        key: int32 `[2]`, from which the seed of every sample is derived.

    Returns:
        float32 `[B]`.

    Reference: Burda et al., 2016, equation 8.
    """

    def add(k, log_sum):
        return k + 1, tfp.math.log_add_exp(log_sum, draw(fold_in(key, k)))

    nothing = tf.fill([batch_size], -math.inf)
    _, log_sum = tf.while_loop(lambda k, _: k < num_samples, add, [0, nothing])
    return log_sum - tf.math.log(tf.cast(num_samples, tf.float32))


def bound_in_batches(bound, inputs, num_samples, seed, batch_size) -> tf.Tensor:
    """A bound on log p(x) of any number of examples, some in memory at a time.

    Args:
        bound: function (inputs, number of samples, key) -> float32 `[B]`.
        inputs: nest of arrays, examples first.
        num_samples: int >= 1.
        seed: int; every batch has a key of its own.
        batch_size: int >= 1.

    Returns:
        float32 `[B]`.

    Raises:
        ValueError: if a number is no positive whole one, or there are no examples.
    """
    for value in (num_samples, batch_size):
        if not (value >= 1 and int(value) == value):
            raise ValueError(
                "`num_importance_samples` and `batch_size` must be at least 1 and "
                f"whole, got {num_samples} and {batch_size}."
            )
    seed = tf.cast(seed, tf.int32)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    num_examples = len(tf.nest.flatten(inputs)[0])
    if not num_examples:
        raise ValueError("`inputs` holds no examples.")
    bounds = []
    for start in range(0, num_examples, batch_size):
        end = start + batch_size
        batch = tf.nest.map_structure(lambda x: x[start:end], inputs)  # noqa: B023
        key = tf.stack([seed, start // batch_size])
        bounds.append(bound(batch, tf.constant(num_samples), key))
    return tf.concat(bounds, 0)
