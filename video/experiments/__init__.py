"""Training runs of video predictors from options to summary, model and GIF."""

from tfsigmavae.experiments import dry_run
from tfsigmavae_video.experiments.comparison import compare
from tfsigmavae_video.experiments.video_experiment import VideoExperiment

__all__ = ["VideoExperiment", "compare", "dry_run"]
