"""Scores of images and clips against references, and of latents against the prior."""

from tfsigmavae.metrics.active_units import active_units
from tfsigmavae.metrics.aggregate_posterior import split_rate
from tfsigmavae.metrics.frechet import frechet_distance
from tfsigmavae.metrics.psnr import psnr
from tfsigmavae.metrics.ssim import ssim

__all__ = ["active_units", "frechet_distance", "psnr", "split_rate", "ssim"]
