"""Frames of all clips as one batch, time first: `[T * B, ...]`.

The context is then its beginning, and each frame of all clips is one piece of memory.
"""

import tensorflow as tf


def time_major(values):
    """`[B, T, ...]` -> `[T * B, ...]`."""
    axes = [1, 0, *range(2, len(values.shape))]
    return tf.reshape(tf.transpose(values, axes), [-1, *values.shape[2:]])


def batch_major(values, batch, num_frames):
    """`[T * B, ...]` -> `[B, T, ...]`; `num_frames` is the static T, or `None`."""
    frames = tf.shape(values)[0] // batch if num_frames is None else num_frames
    values = tf.reshape(values, [frames, batch, *values.shape[1:]])
    axes = [1, 0, *range(2, len(values.shape))]
    return tf.transpose(values, axes)


def last_repeated(maps, num_given, num_steps, batch):
    """`[num_given * B, ...]` -> `[num_steps * B, ...]`, the last frame repeated.

    A frame after the context has the skips of the last context frame.
    """
    before, last = tf.split(maps, [(num_given - 1) * batch, batch])
    num_last = num_steps - num_given + 1
    shape = tf.concat([[num_last], tf.shape(last)], 0)
    # The gradient of a broadcast over the first axis is a sum of whole pieces.
    repeated = tf.reshape(tf.broadcast_to(last, shape), [-1, *maps.shape[1:]])
    return tf.concat([before, repeated], 0) if num_given > 1 else repeated
