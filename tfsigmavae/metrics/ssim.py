"""Structural similarity of single frames."""

import itertools
import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import asserted, check_choice
from tfsigmavae.math import to_tensor, to_unit_range
from tfsigmavae.metrics.psnr import check_frame_pair
from tfsigmavae.typing import Array

# Pairs of frames scored at a time: of 64x64x3, about 100 MB are then in memory. Half as
# many take a fifth more time, twice as many a sixth less.
_FRAMES_AT_A_TIME = 256
_LUMINANCE, _STRUCTURE = 0.01**2, 0.03**2  # (K * data range)**2


class _Window(NamedTuple):
    """Weights along one axis, and what makes the variances those of a sample."""

    weights: np.ndarray
    sample: float


def _gaussian(size, deviation):
    weights = np.exp(-0.5 * ((np.arange(size) - size // 2) / deviation) ** 2)
    return _Window(weights / weights.sum(), 1.0)


def _uniform(size):
    return _Window(np.full(size, 1.0 / size), size**2 / (size**2 - 1.0))


Window: TypeAlias = Literal["gaussian", "uniform"]
WINDOWS = {"gaussian": _gaussian(11, 1.5), "uniform": _uniform(7)}


def ssim(images: Array, references: Array, window: Window = "gaussian") -> tf.Tensor:
    """Structural similarity, one figure per frame.

    Several scores are called SSIM. These are two of them, which differ in their window:

    | `window`     | size  | weights       | variances         | as in             |
    |--------------|-------|---------------|-------------------|-------------------|
    | `"gaussian"` | 11x11 | deviation 1.5 | of the population | Wang et al.,      |
    |              |       |               |                   | `tf.image.ssim`   |
    | `"uniform"`  | 7x7   | all alike     | of a sample, with | scikit-image, the |
    |              |       |               | N / (N - 1)       | official SVG code |

    Both with K1 0.01, K2 0.03, data range 1, windows that lie wholly inside the frame,
    and the mean over windows and channels. Per window, x and y having weighted means
    mx, my, variances vx, vy and covariance vxy,

    ssim = (2 * mx * my + K1**2) * (2 * vxy + K2**2)
        / ((mx**2 + my**2 + K1**2) * (vx + vy + K2**2))

    Another window or data range 2 (what scikit-image before 0.16 took for floats) gives
    other figures: say which one a table holds. Identical frames score 1; the lowest
    possible score is -1.

    Some hundred frames are scored at a time, and broadcast references are not copied;
    inside a `tf.function` all at once.

    Args:
        images: `[..., H, W, C]`, float in [0, 1] or uint8 meaning value / 255, H and W
            at least the window's size.
        references: the same kind of frames. H, W and C equal those of `images`; the
            axes before them broadcast, so that `[S, B, T, H, W, C]` samples are
            scored against `[B, T, H, W, C]` truths.
        window: `"gaussian"` or `"uniform"`. Defaults to `"gaussian"`.

    Returns:
        float32 tensor `[...]`.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together, frames are smaller than the
            window, or there is no such window.
        tf.errors.InvalidArgumentError: if floats lie outside [0, 1].

    Example:
        >>> ssim(tf.ones([2, 16, 16, 3]), tf.ones([2, 16, 16, 3])).numpy()
        array([1., 1.], dtype=float32)

    Reference: Wang et al., "Image quality assessment: from error visibility to
    structural similarity", 2004.
    """
    check_choice("window", window, WINDOWS)
    images, references = to_tensor(images), to_tensor(references)
    check_frame_pair(images, references)
    weights, sample = WINDOWS[window]
    _check_size(images.shape, len(weights))
    bands = [_band(size, weights) for size in _sizes(images)[-3:-1]]

    def score(images, references):
        images = _channels_first(to_unit_range(images, "images"))
        references = _channels_first(to_unit_range(references, "references"))
        return _score(images, references, bands, sample)

    if images.shape.is_fully_defined() and references.shape.is_fully_defined():
        if tf.executing_eagerly():
            return _in_blocks(score, images, references)
    return score(images, references)


def _check_size(shape, window_size):
    sizes = shape[-3:-1] if shape.rank is not None else []
    if any(size is not None and size < window_size for size in sizes):
        raise ValueError(
            f"`images` must be at least {window_size}x{window_size} pixels, the window "
            f"of SSIM, got {sizes[0]}x{sizes[1]}."
        )


def _band(size, weights):
    """`[size, size - len(weights) + 1]`: column i holds the weights from row i on."""
    num_windows = size - len(weights) + 1
    if tf.is_tensor(size):
        message = f"`images` must be at least {len(weights)} pixels high and wide, got:"
        num_windows = asserted(num_windows, size >= len(weights), [message, size])
    offsets = tf.range(size)[:, None] - tf.range(num_windows)[None]
    inside = (offsets >= 0) & (offsets < len(weights))
    values = tf.gather(
        tf.constant(weights, tf.float32), tf.clip_by_value(offsets, 0, len(weights) - 1)
    )
    return tf.where(inside, values, 0.0)


def _sizes(tensor):
    """Its sizes: numbers where they are known, which spares much work, or tensors."""
    if tensor.shape.is_fully_defined():
        return tensor.shape.as_list()
    sizes = tf.unstack(tf.shape(tensor), num=tensor.shape.rank)
    known = tensor.shape.as_list()
    return [b if a is None else a for a, b in zip(known, sizes, strict=True)]


def _channels_first(frames):
    """`[..., H, W, C]` -> `[..., C, H, W]`."""
    *axes, height, width, channels = _sizes(frames)
    frames = tf.reshape(frames, [-1, height, width, channels])
    frames = tf.transpose(frames, [0, 3, 1, 2])
    return tf.reshape(frames, [*axes, channels, height, width])


def _score(images, references, bands, sample):
    """SSIM of `[..., C, H, W]`; what belongs to one side is not broadcast first."""
    (image_mean, image_square), (mean, square) = (
        (_filtered(frames, bands), _filtered(tf.square(frames), bands))
        for frames in (images, references)
    )
    product = image_mean * mean
    image_power, power = tf.square(image_mean), tf.square(mean)
    # (vxy, vx, vy) * 2 or 1, plus K2**2.
    constant = _STRUCTURE / sample
    covariance = 2.0 * (_filtered(images * references, bands) - product) + constant
    variances = (image_square - image_power) + (square - power + constant)
    luminance = 2.0 * product + _LUMINANCE
    norms = image_power + (power + _LUMINANCE)
    return tf.reduce_mean(luminance * covariance / (norms * variances), [-3, -2, -1])


def _filtered(frames, bands):
    """Weighted means of all windows: `[..., H, W]` -> `[..., columns, rows]`.

    A product with a band for each axis: three quarters of the factors are zeros at 64
    pixels, and still it takes less time than a convolution.
    """
    *axes, height, width = _sizes(frames)
    rows, columns = bands
    means = tf.reshape(frames, [-1, width]) @ columns
    means = tf.reshape(means, [-1, height, columns.shape[1] or tf.shape(columns)[1]])
    means = tf.matmul(means, rows, transpose_a=True)
    return tf.reshape(means, [*axes, *_sizes(means)[-2:]])


def _in_blocks(score, images, references):
    """Scores `_FRAMES_AT_A_TIME` pairs at a time, in blocks of the leading axes."""
    axes = np.broadcast_shapes(images.shape[:-3], references.shape[:-3])
    sides = [
        tf.reshape(side, (1,) * (len(axes) + 3 - side.shape.rank) + tuple(side.shape))
        for side in (images, references)
    ]
    block = _block(axes, *(side.shape[:-3] for side in sides))
    scores = np.empty(axes, np.float32)
    ranges = (range(0, n, step) for n, step in zip(axes, block, strict=True))
    for starts in itertools.product(*ranges):
        part = tuple(slice(a, a + n) for a, n in zip(starts, block, strict=True))
        scores[part] = score(*(_part(side, part) for side in sides))
    return tf.constant(scores)


def _part(side, part):
    own = zip(side.shape, part, strict=False)
    return side[tuple(slice(None) if size == 1 else axis for size, axis in own)]


def _block(axes, image_axes, reference_axes):
    """Sizes of a block; axes that both sides have are cut first.

    So a reference meets all of its samples in one block, where they fit into it, and is
    filtered once for all of them.
    """
    block = [max(size, 1) for size in axes]
    sizes = zip(image_axes, reference_axes, strict=True)
    both = [axis for axis, pair in enumerate(sizes) if min(pair) > 1]
    while math.prod(block) > _FRAMES_AT_A_TIME:
        choices = [i for i in both if block[i] > 1] or range(len(block))
        longest = max(choices, key=block.__getitem__)
        block[longest] = -(-block[longest] // 2)
    return block
