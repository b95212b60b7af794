"""Stochastic video prediction; imported as `tfsigmavae_video`."""

from tfsigmavae_video import bair, pushing
from tfsigmavae_video.comparison import compare
from tfsigmavae_video.evaluation import evaluate_prediction
from tfsigmavae_video.experiment import VideoExperiment, dry_run
from tfsigmavae_video.gif import encode_animation, write_animation, write_image
from tfsigmavae_video.panels import Row, filmstrip, prediction_frames
from tfsigmavae_video.prediction import prediction_rows, write_prediction
from tfsigmavae_video.softmotion import write_shards
from tfsigmavae_video.svg_lp import SVGLP

__all__ = [
    "Row",
    "SVGLP",
    "VideoExperiment",
    "bair",
    "compare",
    "dry_run",
    "encode_animation",
    "evaluate_prediction",
    "filmstrip",
    "prediction_frames",
    "prediction_rows",
    "pushing",
    "write_animation",
    "write_image",
    "write_prediction",
    "write_shards",
]
