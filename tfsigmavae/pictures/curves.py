"""Curves side by side in one picture."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
)
_BACKGROUND, _GRID = (255, 255, 255), (229, 229, 229)
_TEXT, _FAINT_TEXT = (32, 33, 36), (95, 99, 104)

# All sizes in pixels of the drawing, which is twice as large as the picture.
_FINER = 2
_PANEL = 800, 420  # what is within the axes
_LEFT, _RIGHT, _TOP, _BOTTOM = 132, 60, 84, 96
_HEADER, _FOOTER, _SIDE = 84, 16, 20
_LINE, _DOT = 5, 7
_FONT_SIZE = 26
_MOST_DOTS = 40


class Panel(NamedTuple):
    """One pair of axes.

    Args:
        title: text above it.
        lines: dict of label -> points `[N, 2]`, finite, the first column increasing.
        is_log: whether the second column is drawn on a logarithmic axis, for which all
            its numbers must be positive (else it is not). Defaults to `False`.
    """

    title: str
    lines: dict
    is_log: bool = False


def curve_panels(panels, x_label, num_columns: int = 3) -> np.ndarray:
    """Draws curves, a panel each figure, with the last value of every line.

    A start that is far out of what follows does not squeeze the rest: where the whole
    range is over three times that of the last nine tenths, the start runs out of the
    panel.

    Args:
        panels: list of `Panel`, with up to six labels in all.
        x_label: what all horizontal axes show.
        num_columns: int > 0, panels in a row. Defaults to `3`.

    Returns:
        `[height, width, 3]` uint8 for `write_png`.

    Raises:
        ValueError: if there are no panels, or too many labels.
    """
    if not panels:
        raise ValueError("`panels` must hold at least one panel.")
    labels = dict.fromkeys(label for panel in panels for label in panel.lines)
    if len(labels) > len(COLOURS):
        raise ValueError(
            f"`panels` must have at most {len(COLOURS)} labels in all, got "
            f"{list(labels)}."
        )
    num_columns = min(num_columns, len(panels))
    num_rows = math.ceil(len(panels) / num_columns)
    pitch = _PANEL[0] + _LEFT + _RIGHT, _PANEL[1] + _TOP + _BOTTOM
    size = num_columns * pitch[0] + _SIDE, num_rows * pitch[1] + _HEADER + _FOOTER
    canvas = Image.new("RGB", size, _BACKGROUND)
    colours = dict(zip(labels, COLOURS, strict=False))
    x_end = max(points[-1, 0] for p in panels for points in p.lines.values()) or 1.0
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(_FONT_SIZE)
    _draw_words(draw, (_LEFT, _HEADER // 2), list(colours.items()), font)
    for number, panel in enumerate(panels):
        row, column = divmod(number, num_columns)
        corner = column * pitch[0] + _LEFT, row * pitch[1] + _HEADER + _TOP
        _draw_panel(canvas, corner, panel, x_end, colours, font)
        middle = corner[0] + _PANEL[0] // 2, corner[1] + _PANEL[1] + 52
        draw.text(middle, x_label, _FAINT_TEXT, font, anchor="mt")
    return np.asarray(canvas.reduce(_FINER))


def _draw_panel(canvas, corner, panel, x_end, colours, font):
    draw = ImageDraw.Draw(canvas)
    left, top = corner
    values = [points[:, 1] for points in panel.lines.values()]
    is_log = panel.is_log and min(v.min() for v in values) > 0
    scaled = {
        label: np.stack([p[:, 0], np.log(p[:, 1]) if is_log else p[:, 1]], axis=1)
        for label, p in panel.lines.items()
    }
    low, high = _limits(scaled.values(), x_end)
    inner = Image.new("RGB", _PANEL, _BACKGROUND)  # what runs out of it is cut off
    inner_draw = ImageDraw.Draw(inner)
    width, height = _PANEL

    def across(x):
        return x / x_end * (width - 2 * _DOT) + _DOT

    def up(y):
        return height - (y - low) / (high - low) * height

    for value in _log_ticks(low, high) if is_log else ticks(low, high):
        y = up(math.log(value) if is_log else value)
        inner_draw.line([(0, y), (width, y)], _GRID, 2)
        position = left - 14, top + y
        draw.text(position, number_text(value), _FAINT_TEXT, font, anchor="rm")
    for value in ticks(0, x_end):
        position = left + across(value), top + height + 14
        draw.text(position, number_text(value), _FAINT_TEXT, font, anchor="mt")
    for label, points in scaled.items():
        places = [(across(x), up(y)) for x, y in points]
        _draw_line(inner_draw, places, colours[label])
    canvas.paste(inner, corner)
    draw.line([(left, top + height), (left + width, top + height)], _FAINT_TEXT, 2)
    draw.text((left, top - 34), panel.title, _TEXT, font, anchor="lm")
    last = [(number_text(p[-1, 1], 4), colours[k]) for k, p in panel.lines.items()]
    _draw_words(draw, (left + width, top - 34), last, font, from_right=True)


def _draw_line(draw, places, colour):
    if len(places) > 1:
        draw.line(places, colour, _LINE, joint="curve")
    for x, y in places if len(places) <= _MOST_DOTS else places[-1:]:
        draw.ellipse([x - _DOT, y - _DOT, x + _DOT, y + _DOT], colour)


def _draw_words(draw, position, words, font, from_right=False):
    """Words in a row, each a text and its colour."""
    x, y = position
    for text, colour in reversed(words) if from_right else words:
        draw.text((x, y), text, colour, font, anchor="rm" if from_right else "lm")
        step = int(font.getlength(text)) + _FONT_SIZE
        x += -step if from_right else step


def _limits(lines, x_end):
    """Lowest and highest value shown, with some room."""
    every = np.concatenate([points[:, 1] for points in lines])
    later = np.concatenate([p[(p[:, 0] > 0.1 * x_end) | _is_last(p), 1] for p in lines])
    shown = later if np.ptp(every) > 3 * np.ptp(later) > 0 else every
    low, high = float(shown.min()), float(shown.max())
    room = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _is_last(points):
    return np.arange(len(points)) == len(points) - 1


def ticks(low, high, most: int = 5) -> list[float]:
    """Round numbers in [low, high], at most `most` of them: steps of 1, 2 or 5."""
    exponent = math.floor(math.log10((high - low) / most))
    steps = [factor * 10.0 ** (exponent + i) for i in (0, 1) for factor in (1, 2, 5)]
    ends = [(math.ceil(low / step), math.floor(high / step)) for step in steps]
    # The finest one that gives few enough.
    number = next(i for i, (first, last) in enumerate(ends) if last - first < most)
    first, last = ends[number]
    return [tick * steps[number] for tick in range(first, last + 1)]


def _log_ticks(low, high):
    """Round numbers whose logarithms are in [low, high]."""
    powers = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        values = [value for value in values if low <= math.log(value) <= high]
        if len(values) >= 3:
            return values
    return ticks(math.exp(low), math.exp(high))


def number_text(value, digits: int = 3) -> str:
    """A number as short as its digits allow, such as "0.06", "1,200" or "180k"."""
    if abs(value) >= 10_000:
        suffix, unit = ("M", 1e6) if abs(value) >= 1e6 else ("k", 1e3)
        return f"{value / unit:.{digits}g}{suffix}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
