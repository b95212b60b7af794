"""Clips and predictions as pictures that a person looks at."""

from tfsigmavae_video.pictures.animation import (
    encode_animation,
    write_animation,
    write_image,
)
from tfsigmavae_video.pictures.panels import Row, filmstrip, prediction_frames
from tfsigmavae_video.pictures.prediction import prediction_rows, write_prediction
from tfsigmavae_video.pictures.preview import VideoPreview

__all__ = [
    "Row",
    "VideoPreview",
    "encode_animation",
    "filmstrip",
    "prediction_frames",
    "prediction_rows",
    "write_animation",
    "write_image",
    "write_prediction",
]
