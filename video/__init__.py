"""Stochastic video prediction; imported as `tfsigmavae_video`."""

from tfsigmavae_video.data import (
    ArrayClipSource,
    ClipSource,
    VideoFolder,
    bair,
    batches,
    convert_clips,
    first_clips,
    load_clips,
    pushing,
)
from tfsigmavae_video.data.action_plans import read_plans
from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.data.video_files import is_video
from tfsigmavae_video.evaluation import (
    METRICS,
    PROTOCOLS,
    Metric,
    Protocol,
    evaluate,
    evaluate_actions,
    evaluate_prediction,
)
from tfsigmavae_video.experiments import (
    VideoExperiment,
    compare,
    dry_run,
    evaluate_runs,
    own_recipe,
)
from tfsigmavae_video.models import SVGLP, VideoModel, WarpVRNN
from tfsigmavae_video.pictures import (
    Row,
    VideoPreview,
    encode_animation,
    filmstrip,
    playing_fps,
    predict_file,
    prediction_frames,
    prediction_rows,
    steered_rows,
    write_animation,
    write_image,
    write_prediction,
    write_steered,
)

__all__ = [
    "ArrayClipSource",
    "METRICS",
    "Metric",
    "PROTOCOLS",
    "Protocol",
    "evaluate",
    "evaluate_runs",
    "ClipSource",
    "Row",
    "SVGLP",
    "VideoExperiment",
    "VideoFolder",
    "VideoModel",
    "VideoPreview",
    "WarpVRNN",
    "bair",
    "batches",
    "compare",
    "convert_clips",
    "dry_run",
    "encode_animation",
    "evaluate_actions",
    "evaluate_prediction",
    "filmstrip",
    "first_clips",
    "is_video",
    "load_clips",
    "own_recipe",
    "playing_fps",
    "predict_file",
    "prediction_frames",
    "prediction_rows",
    "pushing",
    "read_plans",
    "steered_rows",
    "write_animation",
    "write_image",
    "write_prediction",
    "write_shards",
    "write_steered",
]


def __dir__():
    return list(__all__)
