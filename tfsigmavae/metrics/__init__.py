"""Scores of images and clips against references, and of latents against the prior.

`extractors` holds the networks whose features distances compare.
"""

from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.active_units import active_units
from tfsigmavae.metrics.aggregate_posterior import split_rate
from tfsigmavae.metrics.crps import crps
from tfsigmavae.metrics.feature_distance import feature_distance
from tfsigmavae.metrics.frechet import FewSamplesWarning, frechet_distance
from tfsigmavae.metrics.kernel_distance import KernelDistance, kernel_distance
from tfsigmavae.metrics.psnr import psnr
from tfsigmavae.metrics.ssim import ssim

__all__ = [
    "FewSamplesWarning",
    "KernelDistance",
    "active_units",
    "crps",
    "extractors",
    "feature_distance",
    "frechet_distance",
    "kernel_distance",
    "psnr",
    "split_rate",
    "ssim",
]


def __dir__():
    return list(__all__)
