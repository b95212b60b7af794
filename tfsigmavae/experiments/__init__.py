"""Training runs from their options to a summary."""

from tfsigmavae.experiments.image_experiment import ImageExperiment
from tfsigmavae.experiments.image_scores import image_scores
from tfsigmavae.experiments.noise_experiment import dry_run

__all__ = ["ImageExperiment", "dry_run", "image_scores"]
