"""What the evaluations of images and of videos share, and that of images."""

from tfsigmavae.evaluation.directions import nearest_one
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.images import ImageProtocol, evaluate_images
from tfsigmavae.evaluation.paired import paired_differences
from tfsigmavae.evaluation.statistics import MeanAndError, jackknife, mean_and_error

__all__ = [
    "Evaluation",
    "ImageProtocol",
    "MeanAndError",
    "evaluate_images",
    "jackknife",
    "mean_and_error",
    "nearest_one",
    "paired_differences",
]


def __dir__():
    return list(__all__)
