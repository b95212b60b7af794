"""What reconstructed images are scored by: a metric is one row."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfsigmavae.metrics import psnr, ssim
from tfsigmavae.metrics.psnr import MAX_DB
from tfsigmavae.typing import Array


class ImageMetric(NamedTuple):
    """A score of images, each image by itself.

    Attributes:
        score: function of images and references, both float32 `[B, H, W, C]` in [0, 1],
            to `[B]`.
        best: `max` or `min`, which of two scores is the better one.
        label: what tables and plots call it.
        unit: of the score, "" for none.
        description: the convention, for whoever cites it.
        min_size: pixels that an image needs in height and width.
    """

    score: Callable
    best: Callable
    label: str
    unit: str = ""
    description: str = ""
    min_size: int = 1

    def scored(self, name: str, images: Array, references: Array) -> np.ndarray:
        """The scores, checked.

        Raises:
            ValueError: if they have not the shape, or are not finite.
        """
        scores = np.asarray(self.score(images, references))
        if scores.shape != (len(images),) or not np.isfinite(scores).all():
            found = "infinity or NaN" if scores.ndim == 1 else f"shape {scores.shape}"
            raise ValueError(
                f"Metric {name!r} must give a finite score for each image, "
                f"[{len(images)}], got {found}."
            )
        return scores

    def as_dict(self) -> dict:
        """What is told of it, as JSON values."""
        return {
            "label": self.label,
            "unit": self.unit,
            "best": self.best.__name__,
            "description": self.description,
        }


METRICS = {
    "psnr": ImageMetric(
        lambda images, references: psnr(images, references, max_db=MAX_DB),
        max,
        "PSNR",
        "dB",
        "10 log10(1 / mean squared error) of each image over pixels and channels, "
        f"range 1, at most {MAX_DB:g}",
    ),
    "ssim": ImageMetric(
        ssim,
        max,
        "SSIM",
        description="Gaussian window 11x11, sigma 1.5, K1 0.01, K2 0.03, range 1, "
        "windows wholly inside, population variances, mean over channels",
        min_size=11,
    ),
    "ssim_uniform": ImageMetric(
        lambda images, references: ssim(images, references, window="uniform"),
        max,
        "SSIM, uniform window",
        description="uniform window 7x7, K1 0.01, K2 0.03, range 1, windows wholly "
        "inside, sample variances, mean over channels: scikit-image's default",
        min_size=7,
    ),
}


def fitting(image_shape) -> dict:
    """The rows of `METRICS` for images (height, width, channels) of some size.

    Returns:
        dict of name -> `ImageMetric`.
    """
    size = min(image_shape[:2])
    return {name: row for name, row in METRICS.items() if row.min_size <= size}
