"""Stochastic video prediction; imported as `tfsigmavae_video`."""

from tfsigmavae_video.data import (
    ArrayClipSource,
    ClipSource,
    bair,
    batches,
    convert_clips,
    first_clips,
    load_clips,
    pushing,
)
from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.evaluation import evaluate_prediction
from tfsigmavae_video.experiments import VideoExperiment, compare, dry_run
from tfsigmavae_video.models import SVGLP, VideoModel
from tfsigmavae_video.pictures import (
    Row,
    encode_animation,
    filmstrip,
    prediction_frames,
    prediction_rows,
    write_animation,
    write_image,
    write_prediction,
)

__all__ = [
    "ArrayClipSource",
    "ClipSource",
    "Row",
    "SVGLP",
    "VideoExperiment",
    "VideoModel",
    "bair",
    "batches",
    "compare",
    "convert_clips",
    "dry_run",
    "encode_animation",
    "evaluate_prediction",
    "filmstrip",
    "first_clips",
    "load_clips",
    "prediction_frames",
    "prediction_rows",
    "pushing",
    "write_animation",
    "write_image",
    "write_prediction",
    "write_shards",
]
