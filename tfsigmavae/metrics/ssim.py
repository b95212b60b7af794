"""Structural similarity of single frames."""

import tensorflow as tf

from tfsigmavae.math import to_unit_range
from tfsigmavae.metrics.psnr import check_frame_pair

WINDOW_SIZE = 11


def ssim(images, references) -> tf.Tensor:
    """Structural similarity, one figure per frame: the Gaussian-window variant.

    Of the several scores called SSIM this is that of Wang et al. and of
    `tf.image.ssim`: Gaussian window 11x11 with standard deviation 1.5 pixels, K1 0.01,
    K2 0.03, data range 1, windows that lie wholly inside the frame, population
    variances, mean over windows and then over channels. Per window, x and y having
    weighted means mx, my, variances vx, vy and covariance vxy,

    ssim = (2 * mx * my + K1**2) * (2 * vxy + K2**2)
        / ((mx**2 + my**2 + K1**2) * (vx + vy + K2**2))

    A uniform 7x7 window, or data range 2, gives other figures: say which one a table
    holds. Identical frames score 1; the lowest possible score is -1.

    Args:
        images: `[..., H, W, C]`, float in [0, 1] or uint8 meaning value / 255, H and W
            at least 11.
        references: the same kind of frames. H, W and C equal those of `images`; the
            axes before them broadcast, so that `[S, B, T, H, W, C]` samples are
            scored against `[B, T, H, W, C]` truths.

    Returns:
        float32 tensor `[...]`.

    Raises:
        TypeError: if a dtype is neither uint8 nor floating.
        ValueError: if the shapes do not fit together, or frames are smaller than the
            window.
        tf.errors.InvalidArgumentError: if floats lie outside [0, 1].

    Example:
        >>> ssim(tf.ones([2, 16, 16, 3]), tf.ones([2, 16, 16, 3])).numpy()
        array([1., 1.], dtype=float32)

    Reference: Wang et al., "Image quality assessment: from error visibility to
    structural similarity", 2004.
    """
    images = to_unit_range(images, "images")
    references = to_unit_range(references, "references")
    check_frame_pair(images, references)
    sizes = images.shape[-3:-1] if images.shape.rank is not None else []
    if any(size is not None and size < WINDOW_SIZE for size in sizes):
        raise ValueError(
            f"`images` must be at least {WINDOW_SIZE}x{WINDOW_SIZE} pixels, the window "
            f"of SSIM, got {sizes[0]}x{sizes[1]}."
        )
    return tf.image.ssim(
        images,
        references,
        max_val=1.0,
        filter_size=WINDOW_SIZE,
        filter_sigma=1.5,
        k1=0.01,
        k2=0.03,
    )
