"""Clips and predictions as pictures that a person looks at."""

from tfsigmavae_video.pictures.animation import (
    encode_animation,
    write_animation,
    write_image,
)
from tfsigmavae_video.pictures.file_prediction import playing_fps, predict_file
from tfsigmavae_video.pictures.panels import Row, filmstrip, prediction_frames
from tfsigmavae_video.pictures.prediction import (
    prediction_rows,
    sample_rows,
    write_prediction,
    write_rows,
)
from tfsigmavae_video.pictures.preview import VideoPreview
from tfsigmavae_video.pictures.steering import steered_rows, write_steered

__all__ = [
    "Row",
    "VideoPreview",
    "encode_animation",
    "filmstrip",
    "playing_fps",
    "predict_file",
    "prediction_frames",
    "prediction_rows",
    "sample_rows",
    "steered_rows",
    "write_animation",
    "write_image",
    "write_prediction",
    "write_rows",
    "write_steered",
]


def __dir__():
    return list(__all__)
