"""What the evaluations of images and of videos share, and that of images."""

from tfsigmavae.evaluation.statistics import MeanAndError, jackknife, mean_and_error

__all__ = ["MeanAndError", "jackknife", "mean_and_error"]
