"""Batches of an image array that are a function of seed and step."""

import numpy as np
import tensorflow as tf

from tfsigmavae.data.passes import pass_batches, pass_order
from tfsigmavae.graphs import as_written
from tfsigmavae.typing import Array


def batches(
    images: Array,
    batch_size: int = 128,
    shuffle: bool = False,
    seed: int = 0,
    repeat: bool = False,
    start_step: int = 0,
    drop_remainder: bool = False,
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of images, uint8.

    The usual calls are

        train = batches(load("svhn", "train", size=28), shuffle=True, repeat=True)
        test = batches(load("svhn", "test", size=28))

    With `shuffle`, every pass over the images is a new permutation. With `repeat`, the
    passes follow one another without a gap and every batch is full. Batch `s` then
    depends on `seed` and `s` only, so `start_step=k` resumes a run at batch `k`
    exactly. Iterating anew starts with the first pass again: without `repeat`, every
    epoch of `fit` has the same order, so train with `repeat=True` and
    `fit(..., steps_per_epoch=...)`.

    Args:
        images: `[N, H, W, C]` uint8 array; not copied.
        batch_size: images in a batch.
        shuffle: whether to visit the images in random order.
        seed: int, for `shuffle`.
        repeat: whether to go on for ever.
        start_step: number of batches to skip, at no cost.
        drop_remainder: whether to drop a last, smaller batch. Without effect with
            `repeat`.
        share: (index, count): of each batch only every count-th image, from `index` on,
            for one of several machines; `batch_size` is that of all together.

    Returns:
        `tf.data.Dataset` of `[B, H, W, C]` uint8 tensors.

    Raises:
        TypeError: if `images` is not uint8.
        ValueError: if it has another shape or no images, or an argument is out of its
            range.
    """
    images = _checked(images)
    num_images = len(images)
    indices = pass_batches(
        lambda number: pass_order(number, num_images, seed if shuffle else None),
        num_images,
        batch_size,
        repeat,
        start_step,
        drop_remainder,
        share,
    )

    def pick(chosen):
        # `tf.gather` from a constant would hold the array three times over.
        picked = tf.numpy_function(images.__getitem__, [chosen], tf.uint8, False)
        return tf.ensure_shape(picked, [chosen.shape[0], *images.shape[1:]])

    return indices.map(as_written(pick)).prefetch(2)


def _checked(images):
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise TypeError(f"`images` must be uint8, got {images.dtype}.")
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            "`images` must be [N, H, W, C] with at least one image, got shape "
            f"{images.shape}."
        )
    return images
