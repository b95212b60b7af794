"""Training runs from options to a folder of results."""

from tfsigmavae.experiments.experiment import Experiment, dry_run
from tfsigmavae.experiments.image_experiment import ImageExperiment
from tfsigmavae.experiments.image_scores import image_scores

__all__ = ["Experiment", "ImageExperiment", "dry_run", "image_scores"]
