"""The importance-weighted bound on log p(x)."""

import math

import tensorflow as tf
import tensorflow_probability as tfp


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
        seed = tf.random.experimental.stateless_fold_in(key, k)
        return k + 1, tfp.math.log_add_exp(log_sum, draw(seed))

    nothing = tf.fill([batch_size], -math.inf)
    _, log_sum = tf.while_loop(lambda k, _: k < num_samples, add, [0, nothing])
    return log_sum - tf.math.log(tf.cast(num_samples, tf.float32))
