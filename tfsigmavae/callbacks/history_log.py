"""The figures of a training run as a table."""

import csv
import io
import math
import pathlib

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.files import append_line, write_text
from tfsigmavae.typing import Logs, PathLike

# As Keras writes what there was not.
_MISSING = "NA"
_TOO_MANY = "more than there are columns"


def read_history(path: PathLike) -> list[dict]:
    """Reads the rows of a `history.csv`.

    Args:
        path: file of `HistoryLog`, or of Keras' `CSVLogger`; there need not be one.

    Returns:
        List of dicts of floats, one a row; a figure that is missing has no entry. Lines
        that were not written to their end are left out.

    Raises:
        ValueError: if a figure is no number.
    """
    path = pathlib.Path(path)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(io.StringIO(whole), restkey=_TOO_MANY)
    try:
        return [
            {name: float(value) for name, value in row.items() if value != _MISSING}
            for row in rows
            if _TOO_MANY not in row and all(row.values())
        ]
    except ValueError as error:
        raise ValueError(
            f"'{path}' is no table of figures ({error}): move it away."
        ) from error


class HistoryLog(StepCallback):
    """Writes a row of all figures at the end of every epoch, as CSV.

        epoch,step,loss,...   `step` is the last one of the epoch

    A file that is there goes on. Every step is in exactly one row: those of a killed
    attempt that are trained again are taken out first. To be called before the
    checkpoint is saved, which must not be ahead of the table.

    Args:
        path: file to write.
        initial_step: int, steps before training begins. Defaults to `None`: as many as
            the optimizer has counted.
        kept_until: int, the last step whose rows are kept when training begins, where
            that is in an epoch whose means go on. Defaults to `None`: `initial_step`.

    Example:
        >>> model.fit(train, epochs=3, callbacks=[HistoryLog("history.csv")])
    """

    def __init__(
        self,
        path: PathLike,
        initial_step: int | None = None,
        kept_until: int | None = None,
    ):
        super().__init__(initial_step)
        self.path = pathlib.Path(path)
        self._kept_until = kept_until
        self._columns = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        last = self.step if self._kept_until is None else self._kept_until
        self._kept_until = None
        kept = [r for r in read_history(self.path) if r.get("step", 0) <= last]
        if kept:
            self._write(kept)
        else:
            self.path.unlink(missing_ok=True)
            self._columns = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        figures = {name: float((logs or {})[name]) for name in sorted(logs or {})}
        row = {"epoch": epoch, "step": self.step, **figures}
        if row.keys() <= set(self._columns):
            append_line(self.path, self._line(row))
        else:
            self._write([*read_history(self.path), row])

    def _write(self, rows):
        # The columns in the order in which they came up.
        names = [name for row in rows for name in row]
        self._columns = list(dict.fromkeys(["epoch", "step", *names]))
        lines = [",".join(self._columns) + "\n", *map(self._line, rows)]
        write_text(self.path, "".join(lines), durable=True)

    def _line(self, row):
        values = (_text(name, row.get(name)) for name in self._columns)
        return ",".join(values) + "\n"


def _text(name, value):
    if value is None:
        return _MISSING
    if name in ("epoch", "step") and math.isfinite(value):
        return str(int(value))
    return repr(float(value))
