"""Scores of images and clips against references."""

from tfsigmavae.metrics.psnr import psnr
from tfsigmavae.metrics.ssim import ssim

__all__ = ["psnr", "ssim"]
