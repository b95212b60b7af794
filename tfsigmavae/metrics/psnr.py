"""Peak signal-to-noise ratio of single frames."""

import math

import tensorflow as tf

from tfsigmavae.math import to_unit_range
from tfsigmavae.typing import Array

# Of a perfect frame, where its infinite score would spoil an average.
MAX_DB = 100.0


def psnr(images: Array, references: Array, max_db: float | None = None) -> tf.Tensor:
    """Peak signal-to-noise ratio in decibels, one figure per frame.

    psnr = 10 * log10(1 / mse), mse = mean over H, W and C of (x - y)**2

    The peak is 1, the whole range of a pixel. Identical frames score `+inf`, and so
    does a mean over frames that holds one of them: give `max_db` where that matters.

    Args:
        images: `[..., H, W, C]`, float in [0, 1] or uint8 meaning value / 255.
        references: the same kind of frames. H, W and C equal those of `images`; the
            axes before them broadcast, so that `[S, B, T, H, W, C]` samples are
            scored against `[B, T, H, W, C]` truths. One of the two may be uint8 and
            the other float.
        max_db: scores above it are lowered to it. Defaults to `None`, no ceiling.

    Returns:
        float32 tensor `[...]`.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together.
        tf.errors.InvalidArgumentError: if floats lie outside [0, 1].

    Example:
        >>> psnr(tf.ones([2, 8, 8, 3]), tf.fill([2, 8, 8, 3], 0.9)).numpy().round(2)
        array([20., 20.], dtype=float32)
    """
    images = to_unit_range(images, "images")
    references = to_unit_range(references, "references")
    check_frame_pair(images, references)
    mse = tf.reduce_mean(tf.square(images - references), axis=[-3, -2, -1])
    decibels = -10.0 / math.log(10.0) * tf.math.log(mse)
    return decibels if max_db is None else tf.minimum(decibels, max_db)


def check_frame_pair(images: tf.Tensor, references: tf.Tensor) -> None:
    """Raises `ValueError` unless frames are equal in size and leading axes broadcast.

    Only statically known sizes can be compared.
    """
    shapes = f"got {tuple(images.shape)} and {tuple(references.shape)}."
    if images.shape.rank is None or references.shape.rank is None:
        return
    if min(images.shape.rank, references.shape.rank) < 3:
        raise ValueError(
            f"`images` and `references` must have shape [..., H, W, C], {shapes}"
        )
    if not images.shape[-3:].is_compatible_with(references.shape[-3:]):
        raise ValueError(
            "`images` and `references` must have the same height, width and number "
            f"of channels, {shapes}"
        )
    try:
        tf.broadcast_static_shape(images.shape[:-3], references.shape[:-3])
    except ValueError as error:
        raise ValueError(
            "The axes of `images` and `references` before [H, W, C] must broadcast, "
            f"{shapes}"
        ) from error
