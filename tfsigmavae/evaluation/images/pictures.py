"""Pictures for the report: samples, and the best, median and worst reconstructions."""

import numpy as np

from tfsigmavae.evaluation.report import Picture
from tfsigmavae.math import to_unit_range
from tfsigmavae.pictures import image_grid, labelled_grid
from tfsigmavae.pictures.files import encode_png

_NUM_PAIRS = 8
# Screen pixels of an image in a row of pairs, about.
_TILE = 64


def image_pictures(model, images, psnr, protocol) -> list:
    """Draws what a model samples, and how well it reconstructs.

    Args:
        model: an `ImageVAE`.
        images: `[N, H, W, C]`, uint8 or floating in [0, 1].
        psnr: `[N]`, of their reconstructions.
        protocol: `ImageProtocol`.

    Returns:
        List of `Picture`; none for images that are neither grey nor RGB.
    """
    if images.shape[-1] not in (1, 3):
        return []
    samples = np.clip(model.sample(protocol.num_shown, seed=protocol.seed), 0.0, 1.0)
    pictures = [
        Picture(
            "Samples",
            f"{len(samples)} images drawn from the prior",
            encode_png(_enlarged(image_grid(samples))),
            "image/png",
            "Samples",
            "Drawn from the prior, not chosen: means of the decoder, without noise.",
        )
    ]
    order = np.argsort(-psnr, kind="stable")
    num = min(_NUM_PAIRS, len(images))
    middle = (len(images) - num) // 2
    parts = {
        "best": order[:num],
        "median": order[middle : middle + num],
        "worst": order[len(order) - num :],
    }
    return pictures + [
        _pairs(model, images, psnr, kind, chosen) for kind, chosen in parts.items()
    ]


def _pairs(model, images, psnr, kind, chosen):
    shown = to_unit_range(images[chosen])
    rows = {
        "test image": np.clip(shown, 0.0, 1.0),
        "reconstruction": np.clip(model.reconstruct(shown), 0.0, 1.0),
    }
    headings = [f"{psnr[number]:.1f}" for number in chosen]
    scale = max(1, round(_TILE / images.shape[1]))
    return Picture(
        f"{kind.capitalize()} reconstructions",
        f"{len(chosen)} test images and their {kind} reconstructions below them",
        encode_png(labelled_grid(rows, scale, headings)),
        "image/png",
        "Reconstructions",
        f"The {kind} of {len(images):,} by PSNR, in dB above each.",
    )


def _enlarged(picture):
    """Small pictures by whole factors, for nothing to be smoothed."""
    scale = max(1, round(400 / picture.shape[1]))
    return picture.repeat(scale, 0).repeat(scale, 1)
