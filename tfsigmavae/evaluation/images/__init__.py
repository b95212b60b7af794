"""How an image VAE is evaluated: protocol, rows of metrics, scores, pictures."""

from tfsigmavae.evaluation.images.evaluation import evaluate_images
from tfsigmavae.evaluation.images.metrics import METRICS, ImageMetric
from tfsigmavae.evaluation.images.protocol import PROTOCOLS, ImageProtocol

__all__ = ["METRICS", "PROTOCOLS", "ImageMetric", "ImageProtocol", "evaluate_images"]


def __dir__():
    return list(__all__)
