"""Pictures of sampled futures: what is compared, drawn as GIF and film strip."""

import pathlib
from collections.abc import Sequence

import numpy as np

from tfsigmavae.callbacks import check_finite
from tfsigmavae.math import to_unit_range
from tfsigmavae.metrics.psnr import MAX_DB, psnr
from tfsigmavae.typing import Array, PathLike
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.pictures.animation import Format, write_animation, write_image
from tfsigmavae_video.pictures.panels import Row, filmstrip, prediction_frames


def prediction_rows(
    model: VideoModel,
    clips: Array,
    num_frames: int,
    num_samples: int = 10,
    seed: int = 0,
    actions: Array | None = None,
    num_shown: int = 2,
) -> list[Row]:
    """Rows truth / reconstruction / best / samples / mean for `panels`.

    Args:
        model: a `VideoModel`.
        clips: `[N, T, H, W, C]`; the first `model.num_context` frames are given. Where
            the truth has fewer than `num_context + num_frames` frames, truth and
            reconstruction end in grey, and only known frames choose the best sample.
        num_frames: int, frames to predict.
        num_samples: int, futures per clip. Defaults to `10`.
        seed: int. Defaults to `0`.
        actions: see `VideoModel.predict_frames`.
        num_shown: int, other samples shown beside the best. Defaults to `2`.

    Returns:
        List of `panels.Row`, clips `[N, num_context + num_frames, H, W, C]`.

    Raises:
        DivergedError: if a pixel is not finite.
    """
    clips = to_unit_range(clips, "clips").numpy()
    num_context = model.num_context
    context = clips[:, :num_context]
    samples = model.predict_frames(
        context, num_frames, num_samples, seed, actions
    ).numpy()
    check_finite(samples)
    known = clips[:, : num_context + num_frames]
    num_known = known.shape[1] - num_context
    rows, others = [], samples
    if num_known > 0:
        rows.append(Row("truth", _fill(known, num_frames - num_known), predicted=False))
        # As it is scored: every step fed with the true frame before.
        reconstruction = model.reconstruct(known, actions, teacher_forced=True).numpy()
        check_finite(reconstruction)
        reconstruction = np.concatenate([known[:, :1], reconstruction], 1)
        rows.append(
            Row("reconstruction", _fill(reconstruction, num_frames - num_known))
        )
        scores = psnr(samples[:, :, :num_known], known[:, num_context:], max_db=MAX_DB)
        best = np.argmax(np.mean(scores, axis=-1), axis=0)
        clip = np.arange(len(best))
        rows.append(Row(f"best of {num_samples}", _after(context, samples[best, clip])))
        # The samples without the best, in the order drawn.
        numbers = np.arange(num_samples - 1)[:, None]
        others = samples[numbers + (numbers >= best), clip]
    for i in range(min(num_shown, len(others))):
        rows.append(Row(f"sample {i + 1}", _after(context, others[i])))
    if num_samples > 1:
        rows.append(Row("mean of samples", _after(context, samples.mean(0))))
    return rows


def write_prediction(
    model: VideoModel,
    clips: Array,
    folder: PathLike,
    num_frames: int,
    num_samples: int = 10,
    seed: int = 0,
    actions: Array | None = None,
    format: Format = "gif",
    fps: float = 6,
    scale: int = 2,
    name: str = "prediction",
    hold: float = 1.0,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes `prediction.gif` (or another format) and the film strip `prediction.png`.

    Args:
        model, clips, num_frames, num_samples, seed, actions: see `prediction_rows`; one
            column a clip in the animation; the film strip shows the one that moves
            most.
        folder: where to write.
        format: `"gif"`, `"mp4"`, `"webp"` or `"apng"`. Defaults to `"gif"`.
        fps: frames per second. Defaults to `6`.
        scale: integer enlargement. Defaults to `2`.
        name: of both files, without suffix. Defaults to `"prediction"`.
        hold: float, seconds for which the animation shows its last frame before it
            begins again. Defaults to `1`.

    Returns:
        Paths of the animation and of the film strip.

    Example:
        >>> import numpy as np
        >>> from tfsigmavae.video import SVGLP, write_prediction
        >>> model = SVGLP([16, 16, 3], network="dcgan", width=4)
        >>> clips = np.random.default_rng(0).random([2, 6, 16, 16, 3])
        >>> gif, strip = write_prediction(model, clips, "pictures", num_frames=4)
        >>> gif.name, strip.name
        ('prediction.gif', 'prediction.png')
    """
    rows = prediction_rows(model, clips, num_frames, num_samples, seed, actions)
    return write_rows(rows, model.num_context, folder, format, fps, scale, name, hold)


def sample_rows(
    model: VideoModel,
    context: Array,
    num_frames: int,
    num_samples: int,
    seed: int = 0,
    actions: Array | None = None,
    label: str = "sample",
) -> list[Row]:
    """Rows of sampled futures for `panels`, the first samples of a seed.

    Args:
        model: a `VideoModel`.
        context: `[N, T, H, W, C]`, the given frames.
        num_frames, num_samples, seed, actions: see `VideoModel.predict_frames`.
        label: what a row is called, before its number. Defaults to `"sample"`.

    Returns:
        List of `panels.Row`, clips `[N, T + num_frames, H, W, C]`.

    Raises:
        DivergedError: if a pixel is not finite.
    """
    context = to_unit_range(context, "context").numpy()
    samples = model.predict_frames(
        context, num_frames, num_samples, seed, actions
    ).numpy()
    check_finite(samples)
    return [
        Row(f"{label} {i + 1}", _after(context, sample))
        for i, sample in enumerate(samples)
    ]


def write_rows(
    rows: Sequence[Row],
    num_context: int,
    folder: PathLike,
    format: Format = "gif",
    fps: float = 6,
    scale: int = 2,
    name: str = "prediction",
    hold: float = 1.0,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes rows as an animation of all clips and as a film strip of one.

    Args:
        rows: list of `panels.Row`; the film strip shows the clip whose first row moves
            most.
        num_context: int, given frames.
        folder, format, fps, scale, name, hold: see `write_prediction`.

    Returns:
        Paths of the animation and of the film strip.
    """
    folder = pathlib.Path(folder)
    frames = prediction_frames(rows, num_context, scale=scale)
    # An APNG must not take the film strip's name.
    suffix = ".apng" if format == "apng" else f".{format}"
    path = folder / f"{name}{suffix}"
    animation = write_animation(path, frames, fps, format, hold=hold)
    first = to_unit_range(rows[0].clips, "clips").numpy()
    moved = np.abs(np.diff(first, axis=1)).mean(axis=(1, 2, 3, 4))
    shown = int(np.argmax(moved))
    single = [Row(row.label, row.clips[shown], row.predicted) for row in rows]
    strip = filmstrip(single, num_context, scale=scale)
    return animation, write_image(folder / f"{name}.png", strip)


def _fill(clips, num_missing):
    """Grey frames where there is nothing to show."""
    grey = np.full_like(clips[:, :1], 0.3)
    return np.concatenate([clips, np.repeat(grey, num_missing, axis=1)], axis=1)


def _after(context, future):
    return np.concatenate([context, future], axis=1)
