"""Drawings of the report: curves with bands, histograms, bars."""

import math
from typing import NamedTuple

import numpy as np

from tfsigmavae.evaluation.report import svg

# Inches; a quarter more than that at 400 pixels.
_WIDTH, _HEIGHT, _LEGEND_ROW = 4.2, 2.6, 0.19
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.62, 0.12, 0.12, 0.46
_LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_MOST_POINTS = 400
_THIN = {"color": svg.TEXT, "linewidth": 1, "linestyle": (0, (1, 1.5))}


class Line(NamedTuple):
    """A curve; `error` makes a band around it.

    `look` chooses line style and marker, `colour` the colour; `None` for the same one.
    """

    label: str
    x: list
    y: list
    error: list | None = None
    look: int = 0
    colour: int | None = None


def curves(
    lines, x_label: str, y_label: str, level=None, diagonal=False, is_log=False
) -> str:
    """Draws curves over one axis.

    Args:
        lines: list of `Line`.
        x_label, y_label: what the axes show.
        level: pair of a label and the height of a level line, as of a calibrated model.
            Defaults to none.
        diagonal: label of the line y = x. Defaults to none.
        is_log: whether y is drawn on a logarithmic axis, if all of it is positive.

    Returns:
        SVG as text.
    """
    with svg.style():
        drawing = _Drawing(len(lines) + bool(level) + bool(diagonal))
        axes = drawing.axes
        for line in lines:
            _draw_line(drawing, line)
        if level:
            drawing.add_level(*level)
        if diagonal:
            (drawn,) = axes.plot([0, 1], [0, 1], **_THIN)
            drawing.named.append((drawn, diagonal))
        if is_log and all(_positive(line.y) for line in lines):
            axes.set_yscale("log")
        elif not diagonal:
            _limit(axes, lines, level)
        if all(float(x).is_integer() for line in lines for x in line.x):
            axes.xaxis.get_major_locator().set_params(integer=True)
        return drawing.finish(x_label, y_label)


def histogram(lines, x_label: str, y_label: str, level, band=None) -> str:
    """Draws densities on equal bins of [0, 1] with the height that they should have.

    Args:
        lines: list of `Line` whose `y` are densities; `x` is not used.
        x_label, y_label: what the axes show.
        level: pair of a label and a height.
        band: triple of a label, lowest and highest height that chance explains.
            Defaults to none.

    Returns:
        SVG as text.
    """
    with svg.style():
        drawing = _Drawing(len(lines) + 1 + bool(band))
        axes = drawing.axes
        for line in lines:
            values, edges = _floats(line.y), np.linspace(0, 1, len(line.y) + 1)
            color, style = _colour(line), _LINE_STYLES[line.look % len(_LINE_STYLES)]
            if len(lines) == 1:
                axes.stairs(values, edges, fill=True, color=color, alpha=0.3)
            drawn = axes.stairs(
                values, edges, color=color, linestyle=style, linewidth=1.5
            )
            drawing.named.append((drawn, line.label))
        if band:
            shade = axes.axhspan(*band[1:], color=svg.TEXT, alpha=0.15, linewidth=0)
            drawing.named.append((shade, band[0]))
        drawing.add_level(*level)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(2 * level[1], axes.get_ylim()[1]))
        return drawing.finish(x_label, y_label)


def bars(heights, x_label: str, y_label: str, level=None, look: int = 0) -> str:
    """Draws numbered bars; `level` is a pair of a label and the height of a line."""
    with svg.style():
        drawing = _Drawing(bool(level))
        axes = drawing.axes
        numbers = np.arange(1, len(heights) + 1)
        color = svg.LINES[look % len(svg.LINES)]
        axes.bar(numbers, _floats(heights), 0.8, color=color, linewidth=0)
        if level:
            drawing.add_level(*level)
        axes.grid(visible=False, axis="x")
        axes.set_xlim(0.4, len(heights) + 0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)
        return drawing.finish(x_label, y_label)


class _Drawing:
    """A figure with one pair of axes, and a legend above them of what is named."""

    def __init__(self, num_labels):
        # Not through pyplot, which would keep every figure alive.
        from matplotlib.figure import Figure

        height = _HEIGHT + math.ceil(num_labels / 2) * _LEGEND_ROW
        self.figure = Figure((_WIDTH, height))
        across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        self.axes = self.figure.add_axes(
            (_LEFT / _WIDTH, _BOTTOM / height, across / _WIDTH, up / height)
        )
        self.named = []  # pairs of what is drawn and its label

    def add_level(self, label, height):
        self.named.append((self.axes.axhline(height, **_THIN), label))

    def finish(self, x_label, y_label):
        self.axes.set(xlabel=x_label, ylabel=y_label)
        if self.named:
            # A label that begins with "_" would be left out.
            labels = [f" {x}" if x.startswith("_") else x for _, x in self.named]
            self.figure.legend(
                [drawn for drawn, _ in self.named],
                labels,
                loc="upper left",
                ncols=min(2, len(labels)),
                borderpad=0.1,
                labelspacing=0.25,
                columnspacing=1.2,
                handlelength=2.6,
            )
        return svg.to_svg(self.figure)


def _draw_line(drawing, line):
    x, y, color = _floats(line.x), _floats(line.y), _colour(line)
    chosen = slice(None, None, max(1, math.ceil(len(x) / _MOST_POINTS)))
    (drawn,) = drawing.axes.plot(
        x[chosen],
        y[chosen],
        color=color,
        linestyle=_LINE_STYLES[line.look % len(_LINE_STYLES)],
        marker=_MARKERS[line.look % len(_MARKERS)],
        markevery=max(1, len(x[chosen]) // 7),
    )
    drawing.named.append((drawn, line.label))
    if line.error is not None:
        low, high = y - _floats(line.error), y + _floats(line.error)
        drawing.axes.fill_between(
            x[chosen], low[chosen], high[chosen], color=color, alpha=0.2, linewidth=0
        )


def _limit(axes, lines, level):
    """A start that is far out of what follows does not squeeze the rest."""
    values = [_floats(line.y) for line in lines if len(line.y) >= 20]
    if not values or len(values) < len(lines):
        return
    later = np.concatenate([value[len(value) // 10 :] for value in values])
    low, high = np.nanmin(later), np.nanmax(later)
    if level:
        low, high = min(low, level[1]), max(high, level[1])
    every = np.concatenate(values)
    if np.nanmax(every) - np.nanmin(every) > 3 * (high - low) > 0:
        room = 0.05 * (high - low)
        axes.set_ylim(low - room, high + room)


def _colour(line):
    return svg.LINES[
        (line.look if line.colour is None else line.colour) % len(svg.LINES)
    ]


def _positive(values):
    values = _floats(values)
    return not np.any(values[np.isfinite(values)] <= 0)


def _floats(values):
    """Array with NaN where there is nothing."""
    values = [np.nan if value is None else value for value in values]
    return np.asarray(values, float)
