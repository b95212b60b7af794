"""Rows of a tensor that a loop writes one after the other, into the same memory.

What is collected in a `TensorArray` is in memory twice when it becomes a tensor.
"""

import tensorflow as tf


def empty_rows(num_rows, shape, dtype):
    """`[num_rows, *shape]` to be written; until then it holds anything.

    Every row must be written before it is read.
    """
    # Anything but a constant, whose memory calls would share.
    return tf.raw_ops.Empty(shape=[num_rows, *shape], dtype=dtype)


@tf.custom_gradient
def write_rows(rows, values, numbers):
    """Writes `values` `[N, ...]` to the rows of these numbers `[N]`.

    The rows that were given are the ones that are returned: nobody else may read them.
    Each is written once, or gradients are wrong.
    """

    def gradient(upstream):
        return upstream, tf.gather(upstream, numbers), None

    return tf.raw_ops.InplaceUpdate(x=rows, i=numbers, v=values), gradient
