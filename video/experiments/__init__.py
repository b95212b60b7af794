"""Training runs of video predictors from options to summary, model and GIF."""

from tfsigmavae_video.experiments.comparison import compare
from tfsigmavae_video.experiments.video_experiment import VideoExperiment, dry_run

__all__ = ["VideoExperiment", "compare", "dry_run"]
