"""Training runs of video predictors from options to summary, model and GIF."""

from tfsigmavae.experiments import dry_run
from tfsigmavae_video.experiments.comparison import compare
from tfsigmavae_video.experiments.own_videos import OwnRecipe, own_recipe
from tfsigmavae_video.experiments.run_evaluation import evaluate_runs
from tfsigmavae_video.experiments.video_experiment import VideoExperiment

__all__ = [
    "OwnRecipe",
    "VideoExperiment",
    "compare",
    "dry_run",
    "evaluate_runs",
    "own_recipe",
]


def __dir__():
    return list(__all__)
