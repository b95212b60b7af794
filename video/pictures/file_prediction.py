"""The future of a video file, drawn at the file's own pace."""

import os
import pathlib
from typing import Any, Literal

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data import loading
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.models.saved_run import open_run, reading_options
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.pictures.animation import Format
from tfsigmavae_video.pictures.prediction import write_prediction

# Where nobody knows how fast the frames follow one another.
_UNKNOWN_FPS = 6.0
_MOST_IN_GIF = 50.0


def playing_fps(source: ClipSource, format: Format = "gif") -> float:
    """Frames per second at which clips play as they were filmed.

    Args:
        source: `ClipSource`.
        format: of the film; a GIF plays at most 50. Defaults to `"gif"`.

    Returns:
        float, the median of those known; 6 where none is.
    """
    if source.fps is None or np.all(np.isnan(source.fps)):
        return _UNKNOWN_FPS
    fps = float(np.nanmedian(source.fps))
    return min(fps, _MOST_IN_GIF) if format == "gif" else fps


def predict_file(
    model: PathLike | VideoModel,
    path: PathLike,
    output: PathLike = "predictions",
    num_frames: int = 10,
    num_samples: int = 10,
    start: int | Literal["end"] = 0,
    seed: int = 0,
    format: Format = "gif",
    scale: int = 2,
    hold: float = 1.0,
    **data_options: Any,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Samples futures of a video file and writes them as an animation and a film strip.

    They play at the rate of the frames that the model is given: that of the video, or a
    part of it where `stride` or `fps` take fewer frames (in a GIF, at most at 50).

    Args:
        model: path of a run folder or of its `model.keras`: the video is read as those
            that the model was trained on. Or a `VideoModel`, with those `data_options`.
        path: video file, folder of numbered pictures, or array file; of several videos
            the first.
        output: folder for `NAME-predicted.gif` (or another format) and
            `NAME-predicted.png`, of a video `NAME.mp4`. Defaults to `"predictions"`.
        num_frames: int, frames to predict. As far as the video goes on, the truth and
            the reconstruction are drawn as well. Defaults to `10`.
        num_samples: int, futures. Defaults to `10`.
        start: int, first frame of the context, among those that `stride` or `fps` take;
            or `"end"`: the last frames are the context, and nobody knows what follows.
            Defaults to `0`.
        seed: int. Defaults to `0`.
        format: `"gif"`, `"mp4"`, `"webp"` or `"apng"`. Defaults to `"gif"`.
        scale: int, enlargement. Defaults to `2`.
        hold: float, seconds for which the animation shows its last frame before it
            begins again. Defaults to `1`.
        **data_options: see `VideoFolder`: `stride`, `fps`, `fit`, `alpha`; by default
            those of the run, and of a `VideoModel` the defaults there.

    Returns:
        Paths of the animation and of the film strip.

    Raises:
        ImportError: if the format needs PyAV and it is not installed.
        ValueError: if the file is no video that can be read, or has fewer frames from
            `start` on than the model's context.

    Example:
        >>> animation, strip = predict_file("runs/mine", "clip.mp4", num_frames=20)
    """
    check_at_least("num_frames", num_frames, 1)
    predictor: Any = model
    if isinstance(model, str | os.PathLike):
        predictor, file = open_run(model)
        data_options = reading_options(file) | data_options
    source = loading.load(
        path,
        "test",
        frame_shape=predictor.frame_shape,
        with_actions=predictor.action_size > 0,
        min_frames=predictor.num_context,
        **data_options,
    )
    stored = int(source.num_frames[0])
    last = stored - predictor.num_context
    first = last if start == "end" else start
    if isinstance(first, str) or not 0 <= first <= last:
        raise ValueError(
            f"`start` must be 'end' or from 0 to {last}: {predictor.num_context} of "
            f"the {stored} frames must follow, got {start!r}."
        )
    length = min(predictor.num_context + num_frames, stored - first)
    clip = {name: value[None] for name, value in source(0, first, length).items()}
    return write_prediction(
        predictor,
        clip["frames"],
        output,
        num_frames,
        num_samples,
        seed,
        clip.get("actions"),
        format,
        fps=playing_fps(source, format),
        scale=scale,
        name=f"{_name(path)}-predicted",  # never that of the video itself
        hold=hold,
    )


def _name(path):
    path = pathlib.Path(path).resolve()
    return path.name if path.is_dir() else path.stem
