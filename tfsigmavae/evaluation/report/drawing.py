"""Drawings of the report: curves with bands, histograms, bars."""

import math
from typing import NamedTuple

import numpy as np

from tfsigmavae.evaluation.report import svg, ticks
from tfsigmavae.evaluation.report.numbers import is_number

# Inches; a quarter more than that at 400 pixels.
_WIDTH, _HEIGHT = 4.2, 2.6
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.66, 0.12, 0.12, 0.46
# Lengths of dashes and gaps; markers, of matplotlib and as they are in the legend. A
# colour that returns has another line style.
_DASHES = ((), (4, 2), (6, 2, 1, 2), (1, 1.5), (6, 1.5, 1, 1.5, 1, 1.5), (2, 1))
_MARKERS = ("o", "s", "^", "D", "v", "P", "<", ">")
_MARKS = (
    "M18 6a3 3 0 1 1-6 0a3 3 0 1 1 6 0",
    "M12 3h6v6h-6z",
    "M15 2.5l3.5 6.5h-7z",
    "M15 2.5l3.5 3.5l-3.5 3.5l-3.5-3.5z",
    "M15 9.5l3.5-6.5h-7z",
    "M14 3h2v2h2v2h-2v2h-2v-2h-2v-2h2z",
    "M11.5 6l6.5-3.5v7z",
    "M18.5 6l-6.5-3.5v7z",
)
_MOST_POINTS = 400
# Characters that fit beside the upright axis; a longer label is left to the title.
LONGEST_LABEL = 28
_THIN_DASHES = (1, 1.5)
_THIN = {"color": svg.TEXT, "linewidth": 1, "linestyle": (0, _THIN_DASHES)}


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


class Key(NamedTuple):
    """An entry of the legend: colour, lengths of dashes and gaps, path of a mark."""

    label: str
    colour: str
    dashes: tuple = ()
    mark: str = ""


class Drawing(NamedTuple):
    """A drawing as text of SVG, and the legend that belongs to it."""

    svg: str
    keys: list


def curves(
    lines, x_label: str, y_label: str, level=None, diagonal="", is_log=False
) -> Drawing:
    """Draws curves over one axis.

    Args:
        lines: list of `Line`.
        x_label, y_label: what the axes show.
        level: pair of a label and the height of a level line, as of a calibrated model.
            Defaults to none.
        diagonal: label of the line y = x. Defaults to none.
        is_log: whether y is drawn on a logarithmic axis, if all of it is positive.

    Returns:
        `Drawing`.
    """
    with svg.style():
        drawing = _Axes()
        axes = drawing.axes
        for line in lines:
            drawing.add_line(line)
        if level:
            drawing.add_level(*level)
        if diagonal:
            axes.plot([0, 1], [0, 1], **_THIN)
            drawing.keys.append(Key(diagonal, "currentColor", _THIN_DASHES))
        if is_log and all(_positive(line.y) for line in lines):
            axes.set_yscale("log")
        elif not diagonal:
            _limit(axes, lines, level)
        if all(float(x).is_integer() for line in lines for x in line.x):
            axes.xaxis.get_major_locator().set_params(integer=True)  # pyright: ignore[reportCallIssue]
        return drawing.finish(x_label, y_label)


def histogram(lines, x_label: str, y_label: str, level, band=None) -> Drawing:
    """Draws densities on equal bins of [0, 1] with the height that they should have.

    Args:
        lines: list of `Line` whose `y` are densities; `x` is not used.
        x_label, y_label: what the axes show.
        level: pair of a label and a height.
        band: triple of a label, and the lowest and highest heights that chance
            explains, a list over the bins each. Defaults to none.

    Returns:
        `Drawing`.
    """
    with svg.style():
        drawing = _Axes()
        axes = drawing.axes
        for line in lines:
            values, edges = _floats(line.y), np.linspace(0, 1, len(line.y) + 1)
            color, style = _colour(line), _line_style(line)
            if len(lines) == 1:
                axes.stairs(values, edges, fill=True, color=color, alpha=0.3)
            axes.stairs(values, edges, color=color, linestyle=style, linewidth=1.5)
            dashes = _DASHES[line.look % len(_DASHES)]
            drawing.keys.append(Key(line.label, svg.colour_of_page(color), dashes))
        if band:
            low, high = map(_floats, band[1:])
            edges = np.linspace(0, 1, len(low) + 1)
            look = {"color": svg.TEXT, "alpha": 0.15, "linewidth": 0}
            axes.stairs(high, edges, baseline=np.maximum(low, 0), fill=True, **look)
            drawing.keys.append(Key(band[0], "var(--grid)", (), "M2 2h26v8h-26z"))
        drawing.add_level(*level)
        axes.set_xlim(0, 1)
        # A bin that nobody knows much of does not squeeze the others.
        tallest = max([2 * level[1], *(1.05 * _highest(line.y) for line in lines)])
        axes.set_ylim(0, tallest)
        return drawing.finish(x_label, y_label)


def bars(heights, x_label: str, y_label: str, level=None, look: int = 0) -> Drawing:
    """Draws numbered bars; `level` is a pair of a label and the height of a line."""
    with svg.style():
        drawing = _Axes()
        axes = drawing.axes
        numbers = np.arange(1, len(heights) + 1)
        color = svg.LINES[look % len(svg.LINES)]
        axes.bar(numbers, _floats(heights), 0.8, color=color, linewidth=0)
        if level:
            drawing.add_level(*level)
        axes.grid(visible=False, axis="x")
        axes.set_xlim(0.4, len(heights) + 0.6)
        axes.xaxis.get_major_locator().set_params(integer=True)  # pyright: ignore[reportCallIssue]
        return drawing.finish(x_label, y_label)


class _Axes:
    """A figure with one pair of axes, and the legend so far."""

    def __init__(self):
        # Not through pyplot, which would keep every figure alive.
        from matplotlib.figure import Figure

        self.figure = Figure((_WIDTH, _HEIGHT))
        across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        self.axes = self.figure.add_axes(
            (_LEFT / _WIDTH, _BOTTOM / _HEIGHT, across / _WIDTH, up / _HEIGHT)
        )
        self.keys = []

    def add_level(self, label, height):
        self.axes.axhline(height, **_THIN)
        self.keys.append(Key(label, "currentColor", _THIN_DASHES))

    def add_line(self, line):
        x, y, color = _floats(line.x), _floats(line.y), _colour(line)
        chosen = slice(None, None, max(1, math.ceil(len(x) / _MOST_POINTS)))
        look = line.look % len(_MARKERS)
        dashes = _DASHES[line.look % len(_DASHES)]
        self.axes.plot(
            x[chosen],
            y[chosen],
            color=color,
            linestyle=_line_style(line),
            marker=_MARKERS[look],
            markevery=max(1, len(x[chosen]) // 7),
        )
        key = Key(line.label, svg.colour_of_page(color), dashes, _MARKS[look])
        self.keys.append(key)
        if line.error is not None:
            low, high = y - _floats(line.error), y + _floats(line.error)
            self.axes.fill_between(
                x[chosen], low[chosen], high[chosen], color=color, alpha=0.2, lw=0
            )

    def finish(self, x_label, y_label):
        is_short = len(y_label) <= LONGEST_LABEL
        self.axes.set(xlabel=x_label, ylabel=y_label if is_short else "")
        ticks.shorten(self.axes)
        return Drawing(svg.to_svg(self.figure), self.keys)


def _line_style(line):
    dashes = _DASHES[line.look % len(_DASHES)]
    return (0, dashes) if dashes else "-"


def _limit(axes, lines, level):
    """A start that is far out of what follows does not squeeze the rest."""
    values = [_floats(line.y) for line in lines]
    if min(map(len, values)) < 20:
        return
    every = np.concatenate(values)
    later = np.concatenate([value[len(value) // 10 :] for value in values])
    every, later = every[np.isfinite(every)], later[np.isfinite(later)]
    if not len(later):
        return
    if level:
        later = np.append(later, level[1])
    extent = np.ptp(later)
    if np.ptp(every) > 3 * extent > 0:
        axes.set_ylim(later.min() - 0.05 * extent, later.max() + 0.05 * extent)


def _colour(line):
    return svg.LINES[
        (line.look if line.colour is None else line.colour) % len(svg.LINES)
    ]


def _positive(values):
    values = _floats(values)
    return not np.any(values[np.isfinite(values)] <= 0)


def _highest(values):
    return max(filter(is_number, values), default=0.0)


def _floats(values):
    """Array with NaN where there is no finite number."""
    return np.array([v if is_number(v) else np.nan for v in values], float)
