"""Pictures of predictions: an animation of many clips, and a filmstrip of one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.pictures import to_uint8
from tfsigmavae.pictures.tile_sheet import TEXT_COLOUR, TileSheet

GIVEN_COLOUR = (46, 182, 98)
PREDICTED_COLOUR = (235, 77, 75)


class Row(NamedTuple):
    """One row of tiles: what it is called, its clips, and where they come from.

    Args:
        label: text at the left of the row.
        clips: `[N, T, H, W, C]`, one clip a column, or `[T, H, W, C]`, a single
            column; C 1 or 3, uint8 or float in [0, 1].
        predicted: whether a model made the frames after the context. `False` for the
            truth, whose frames are all given. Defaults to `True`.
    """

    label: str
    clips: Any
    predicted: bool = True


def prediction_frames(
    rows: Sequence[Row],
    num_context: int,
    scale: int = 2,
    headings: Sequence[str] | None = None,
) -> np.ndarray:
    """Draws clips side by side, as the frames of one animation.

    Rows are kinds of clips (truth, reconstruction, samples ...), columns are test
    clips. Every tile is a frame enlarged by repeating pixels, so nothing is smoothed.
    A green border means that the frame is given, a red one that it is predicted. The
    counter at the top starts at 0: `t = 7` shows `clip[7]`.

    Args:
        rows: sequence of `Row`, or of `(label, clips)` or `(label, clips, predicted)`
            tuples; all with the same number and size of clips.
        num_context: number of given frames; borders change at `t == num_context`.
        scale: integer > 0, screen pixels per pixel. Defaults to `2`.
        headings: one text per column. Defaults to `None`, no headings.

    Returns:
        `[T, height, width, 3]` uint8 for `write_animation`, height and width even, as
        mp4 wants them.

    Raises:
        TypeError: if clips are neither uint8 nor floating.
        ValueError: if rows are missing or differ in shape, or an argument is out of
            range.

    Example:
        >>> rows = [Row("truth", clips, predicted=False), ("mean", means)]
        >>> frames = prediction_frames(rows, num_context=2)
        >>> write_animation("samples/epoch_10.gif", frames, fps=8)
    """
    rows = _checked_rows(rows, num_context, scale)
    num_columns, num_frames, *frame_shape = rows[0].clips.shape[:4]
    if headings is not None and len(headings) != num_columns:
        raise ValueError(
            f"`headings` must hold one text for each of {num_columns} columns, got "
            f"{len(headings)}."
        )
    labels = [row.label for row in rows]
    header = "t = 000 ", "predicted"
    sheet = TileSheet(labels, frame_shape, num_columns, scale, headings, header)
    frames = []
    for t in range(num_frames):
        canvas = sheet.blank.copy()
        is_context = t < num_context
        texts = f"t = {t}", "given" if is_context else "predicted"
        colour = GIVEN_COLOUR if is_context else PREDICTED_COLOUR
        sheet.draw_header(canvas, texts, [TEXT_COLOUR, colour])
        for row_index, row in enumerate(rows):
            colour = _border_colour(row, is_context)
            for column in range(num_columns):
                sheet.place(canvas, row.clips[column, t], row_index, column, colour)
        frames.append(np.asarray(canvas))
    return np.stack(frames)


def filmstrip(
    rows: Sequence[Row],
    num_context: int,
    steps: Sequence[int] | None = None,
    scale: int = 2,
) -> np.ndarray:
    """Draws chosen time steps of one test clip next to each other, as a still picture.

    Rows, borders and enlargement are those of `prediction_frames`; columns are time
    steps, numbered from 0 at the top.

    Args:
        rows: sequence of `Row` or tuples as in `prediction_frames`, with one clip
            `[T, H, W, C]` each.
        num_context: number of given frames.
        steps: time steps to show, increasing, each in `[0, T)`. Defaults to `None`:
            the last two given frames, then predicted frames evenly spread up to the
            last, twelve in all.
        scale: integer > 0, screen pixels per pixel. Defaults to `2`.

    Returns:
        `[height, width, 3]` uint8 for `write_image`.

    Raises:
        TypeError: if clips are neither uint8 nor floating.
        ValueError: if rows are missing, hold several clips or differ in shape, or an
            argument is out of range.
    """
    rows = _checked_rows(rows, num_context, scale)
    num_columns, num_frames, *frame_shape = rows[0].clips.shape[:4]
    if num_columns != 1:
        raise ValueError(
            "`rows` of a filmstrip must hold one clip [T, H, W, C] each, got "
            f"{num_columns} clips."
        )
    steps = _default_steps(num_frames, num_context) if steps is None else list(steps)
    if not steps or any(a >= b for a, b in zip([-1, *steps], steps, strict=False)):
        raise ValueError(f"`steps` must be increasing and not negative, got {steps}.")
    if steps[-1] >= num_frames:
        raise ValueError(f"`steps` must be below {num_frames} frames, got {steps}.")
    sheet = TileSheet(
        [row.label for row in rows],
        frame_shape,
        len(steps),
        scale,
        headings=[f"t = {steps[0]}"] + [str(t) for t in steps[1:]],
        gap_before=sum(t < num_context for t in steps),
    )
    for row_index, row in enumerate(rows):
        for column, t in enumerate(steps):
            colour = _border_colour(row, is_context=t < num_context)
            sheet.place(sheet.blank, row.clips[0, t], row_index, column, colour)
    return np.asarray(sheet.blank)


def _border_colour(row, is_context):
    return GIVEN_COLOUR if is_context or not row.predicted else PREDICTED_COLOUR


def _default_steps(num_frames, num_context, num_steps=12):
    num_context = min(num_context, num_frames)
    given = list(range(max(0, num_context - 2), num_context))
    num_predicted = min(num_steps - len(given), num_frames - num_context)
    if num_predicted <= 0:
        return given
    predicted = np.linspace(num_context, num_frames - 1, num_predicted)
    return given + [int(t) for t in np.rint(predicted)]


def _checked_rows(rows, num_context, scale):
    """Gives `Row`s whose clips are uint8 `[N, T, H, W, 3]`, all of one shape."""
    rows = [Row(*row) for row in rows]
    if not rows:
        raise ValueError("`rows` must hold at least one row.")
    check_at_least("scale", scale, 1)
    check_at_least("num_context", num_context, 0)
    checked = []
    for row in rows:
        clips = to_uint8(row.clips, f"clips of {row.label!r}")
        clips = clips[None] if clips.ndim == 4 else clips
        if clips.ndim != 5 or 0 in clips.shape or clips.shape[-1] not in (1, 3):
            raise ValueError(
                f"`rows`: the clips of {row.label!r} must be [N, T, H, W, C] or "
                f"[T, H, W, C] with C 1 or 3, got shape {clips.shape}."
            )
        clips = np.broadcast_to(clips, (*clips.shape[:-1], 3))
        if checked and clips.shape != checked[0].clips.shape:
            raise ValueError(
                "`rows` must agree in number, length and size of clips, but "
                f"{row.label!r} has {clips.shape[:-1]} and {checked[0].label!r} "
                f"{checked[0].clips.shape[:-1]}."
            )
        checked.append(row._replace(clips=clips))
    return checked
