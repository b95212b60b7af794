"""Moving the pixels of an image along a flow."""

from typing import Any

import tensorflow as tf


@tf.custom_gradient
def warp(images, flow) -> Any:
    """Backward warp: each pixel is read where its flow points, bilinearly.

        warped[y, x] = image[y + flow_y[y, x], x + flow_x[y, x]]

    Points outside of the image are brought to its border. Differentiable in both, once.
    Channels come first: on a processor, planes of pixels are many times faster than
    pixels of three numbers.

    Args:
        images: `[C, B, H, W]` floating; at least 2 pixels high and wide.
        flow: `[2, B, H, W]` of the same type, in pixels, (down, right).

    Returns:
        `[C, B, H, W]`.
    """
    height, width = images.shape[2:]
    below, down_free, row = _between(flow[0], height, -1)
    right, right_free, column = _between(flow[1], width, 0)
    first = tf.range(tf.shape(images)[1])[:, tf.newaxis, tf.newaxis] * height
    index = tf.reshape((first + row) * width + column, [-1])
    # The pixel, that to its right, and the two below.
    corners = [index, index + 1, index + width, index + width + 1]
    # All numbers of a pixel at a time: looking up is what takes long.
    pixels = tf.transpose(tf.reshape(images, [images.shape[0], -1]))
    read = [_planes(tf.gather(pixels, corner), tf.shape(images)) for corner in corners]
    # Value at the upper left, step to the right; the same a line below.
    values = [(a, b - a, c, d - c) for a, b, c, d in zip(*read, strict=True)]
    lines = [(a + right * b, c + right * d) for a, b, c, d in values]
    warped = tf.stack([top + below * (bottom - top) for top, bottom in lines])

    def gradient(upstream):
        shares = tf.unstack(upstream)
        down = tf.add_n(
            [g * (bottom - top) for g, (top, bottom) in zip(shares, lines, strict=True)]
        )
        across = tf.add_n(
            [
                g * (b + below * (d - b))
                for g, (_, b, _, d) in zip(shares, values, strict=True)
            ]
        )
        upper, lower = 1.0 - below, below
        weights = [upper * (1.0 - right), upper * right, lower * (1.0 - right)]
        weights.append(lower * right)
        size = tf.shape(pixels)[0]

        def spread(share):
            # Corner by corner: a long sum over segments is slow on a processor.
            return tf.add_n(
                [
                    tf.math.unsorted_segment_sum(
                        tf.reshape(share * weight, [-1]), corner, size
                    )
                    for weight, corner in zip(weights, corners, strict=True)
                ]
            )

        to_images = tf.reshape(
            tf.stack([spread(share) for share in shares]), tf.shape(images)
        )
        return to_images, tf.stack([down * down_free, across * right_free])

    return warped, gradient


def _planes(pixels, shape):
    """`[B * H * W, C]` -> list of C planes `[B, H, W]`."""
    return tf.unstack(tf.reshape(tf.transpose(pixels), shape))


def _between(flow, size, axis):
    """Where points lie between two pixels: share, whether free to move, first pixel."""
    grid = tf.cast(tf.range(size), flow.dtype)
    points = flow + (grid[:, tf.newaxis] if axis else grid)
    inside = tf.clip_by_value(points, 0.0, size - 1.0)
    is_free = tf.cast(tf.equal(points, inside), flow.dtype)
    # Of a point that is not finite too, lest the reading fails before anybody sees that
    # training has diverged: its share, and so what is read, is not finite.
    first = tf.clip_by_value(tf.cast(inside, tf.int32), 0, size - 2)
    return inside - tf.cast(first, flow.dtype), is_free, first
