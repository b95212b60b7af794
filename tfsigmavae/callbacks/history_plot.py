"""The figures of a training run as curves."""

import math
import pathlib
import time
from typing import Any

import keras
import numpy as np

from tfsigmavae.callbacks.history_log import read_history
from tfsigmavae.pictures import write_png
from tfsigmavae.pictures.curves import Panel, curve_panels
from tfsigmavae.typing import Logs, PathLike

# Figure -> its title and whether its axis is logarithmic; others follow by their names.
_TITLES = {
    "loss": ("loss, nats per {example}", False),
    "nll": ("-log p(x | z), nats per {example}", False),
    "kl": ("KL, nats per {example}", False),
    "bits_per_dim": ("bits per dimension", False),
    "mse": ("mean squared error, data units squared", True),
    "sigma": ("sigma and RMSE, data units", True),
}
_NOT_DRAWN = {"epoch", "step"}
# Drawing takes some hundredths of a second, and is then at most some thousandths of it.
_SECONDS_BETWEEN = 10.0


class HistoryPlot(keras.callbacks.Callback):
    """Draws the rows of `HistoryLog` as curves over the training steps.

    One panel a figure, with that of the validation data in the same panel; sigma has
    the root mean squared error beside it, which a calibrated one equals. Drawn anew
    at the end of an epoch, every ten seconds at most, and at the end of training.

    Args:
        path: PNG file to write.
        history: file of `HistoryLog`, which must come before this callback.
        example: what one example is called, such as `"image"`. Defaults to `"example"`.

    Example:
        >>> table = HistoryLog("history.csv")
        >>> plot = HistoryPlot("history.png", table.path)
        >>> model.fit(train, epochs=3, callbacks=[table, plot])
    """

    def __init__(self, path: PathLike, history: PathLike, example: str = "example"):
        super().__init__()
        self.path = pathlib.Path(path)
        self.history = history
        self.example = example
        self._next = 0.0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if time.monotonic() >= self._next:
            self.write()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.write()

    def write(self) -> Any:
        """Draws the table as it is now; nothing where it has no rows."""
        panels = history_panels(read_history(self.history), self.example)
        if panels:
            write_png(self.path, curve_panels(panels, "training step"))
        self._next = time.monotonic() + _SECONDS_BETWEEN


def history_panels(rows, example="example") -> list[Panel]:
    """What `HistoryPlot` draws, of the rows of `read_history`."""
    rows = [row for row in rows if "step" in row]
    names = dict.fromkeys(name for row in rows for name in row)
    names = dict.fromkeys(name.removeprefix("val_") for name in names)
    figures = [name for name in _TITLES if name in names]
    figures += [name for name in names if name not in {*_TITLES, *_NOT_DRAWN}]
    panels = []
    for name in figures:
        title, is_log = _TITLES.get(name, (name.replace("_", " "), False))
        lines = {"training": (rows, name), "validation": (rows, f"val_{name}")}
        if name == "sigma":
            lines = _sigma_lines(rows)
        lines = {label: _points(*line) for label, line in lines.items()}
        lines = {label: points for label, points in lines.items() if len(points)}
        if lines:
            panels.append(Panel(title.format(example=example), lines, is_log))
    return panels


def _sigma_lines(rows):
    """Label -> rows and name, of sigma and of the roots of the squared errors."""
    lines = {"sigma": (rows, "sigma")}
    for label, name in (("RMSE", "mse"), ("validation RMSE", "val_mse")):
        known = [row for row in rows if row.get(name, -1) >= 0]
        lines[label] = [row | {name: math.sqrt(row[name])} for row in known], name
    return lines


def _points(rows, name):
    """`[N, 2]`: steps and figures, where those are finite."""
    points = [(row["step"], row[name]) for row in rows if name in row]
    points = np.array(points, float).reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]
