"""Pictures of one past under several actions: what the model lets them do."""

import pathlib
from collections.abc import Mapping

import numpy as np

from tfsigmavae.math import to_unit_range
from tfsigmavae.typing import Array, PathLike
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.pictures.animation import Format, write_animation, write_image
from tfsigmavae_video.pictures.panels import Row, filmstrip, prediction_frames


def steered_rows(
    model: VideoModel,
    clips: Array,
    plans: Mapping[str, Array],
    num_frames: int,
    num_samples: int = 2,
    seed: int = 0,
    actions: Array | None = None,
) -> list:
    """Rows for `panels`, a sample each; columns are sequences of actions.

    A sample has the same noise in every column: what differs is the actions' doing.

    Args:
        model: a `VideoModel` with actions.
        clips: `[N, >= num_context, H, W, C]`; the first `model.num_context` frames are
            given.
        plans: dict of caption -> `[T, action_size]`, actions from the last given frame
            on. The last one is held up to `num_frames`.
        num_frames: int, frames to predict.
        num_samples: int, futures per clip and plan. Defaults to `2`.
        seed: int. Defaults to `0`.
        actions: `[N, >= num_context - 1, action_size]`, those that led from given frame
            to given frame. Defaults to `None`, zeros.

    Returns:
        List of `panels.Row`, clips `[len(plans), num_context + num_frames, H, W, C]`.

    Raises:
        ValueError: if the model takes no actions, there is no plan, or a plan is longer
            than `num_frames` or of another size.
    """
    num_context = model.num_context
    held = [_held(plan, num_frames, name, model) for name, plan in plans.items()]
    if not held:
        raise ValueError("`plans` must hold at least one sequence of actions.")
    context = to_unit_range(clips, "clips").numpy()[:, :num_context]
    if actions is None:
        actions = np.zeros([len(context), num_context - 1, model.action_size])
    past = np.asarray(actions, np.float32)[:, : num_context - 1]
    futures = []  # of each plan, [S, N, T, H, W, C]
    for plan in held:
        future = np.broadcast_to(plan, [len(context), *plan.shape])
        taken = np.concatenate([past, future], axis=1)
        futures.append(
            model.predict_frames(context, num_frames, num_samples, seed, taken).numpy()
        )
    rows = []
    for clip, given in enumerate(context):
        for sample in range(num_samples):
            drawn = [np.concatenate([given, f[sample, clip]]) for f in futures]
            label = f"sample {sample + 1}"
            if len(context) > 1:
                label = f"clip {clip}" + (f", {label}" if num_samples > 1 else "")
            rows.append(Row(label, np.stack(drawn)))
    return rows


def write_steered(
    model: VideoModel,
    clips: Array,
    plans: Mapping[str, Array],
    folder: PathLike,
    num_frames: int,
    num_samples: int = 2,
    seed: int = 0,
    actions: Array | None = None,
    format: Format = "gif",
    fps: float = 6,
    scale: int = 2,
    hold: float = 1.0,
) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes `steered.gif` (or another format) and the film strip `steered.png`.

    Both show one past under several actions.
    In the animation, columns are sequences of actions with their captions above, and
    rows are samples; in the film strip, which shows the first sample of the first clip,
    rows are sequences of actions.

    Args:
        model, clips, plans, num_frames, num_samples, seed, actions: see `steered_rows`.
        folder: where to write.
        format: `"gif"`, `"mp4"`, `"webp"` or `"apng"`. Defaults to `"gif"`.
        fps: frames per second. Defaults to `6`.
        scale: integer enlargement. Defaults to `2`.
        hold: float, seconds for which the animation shows its last frame before it
            begins again. Defaults to `1`.

    Returns:
        Paths of the animation and of the film strip.

    Example:
        >>> plans = {"left": pushing.steer("left"), "up": pushing.steer("up")}
        >>> write_steered(model, clips[:1], plans, "samples", num_frames=10)
    """
    folder = pathlib.Path(folder)
    rows = steered_rows(model, clips, plans, num_frames, num_samples, seed, actions)
    frames = prediction_frames(rows, model.num_context, scale, headings=list(plans))
    path = folder / f"steered.{format}"
    animation = write_animation(path, frames, fps, format, hold=hold)
    first = [Row(name, clip) for name, clip in zip(plans, rows[0].clips, strict=True)]
    strip = filmstrip(first, model.num_context, scale=scale)
    return animation, write_image(folder / "steered.png", strip)


def _held(plan, num_frames, name, model):
    """`[num_frames, action_size]`, the plan and then its last action."""
    plan, size = np.asarray(plan, np.float32), model.action_size
    if not size:
        raise ValueError("The model takes no actions: its `action_size` is 0.")
    if plan.ndim != 2 or plan.shape[1] != size or not 0 < len(plan) <= num_frames:
        raise ValueError(
            f"The actions {name!r} must have shape [1 to {num_frames} (`num_frames`), "
            f"{size}], got {plan.shape}."
        )
    return np.concatenate([plan, np.repeat(plan[-1:], num_frames - len(plan), axis=0)])
