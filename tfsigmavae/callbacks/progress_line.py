"""How far training is and how well it goes, in one line that a person reads."""

import math
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.typing import Logs

# Seconds between two states of a line on a terminal.
_REFRESH = 0.5
_GAP = "  "


class ProgressLine(StepCallback):
    """Says in words where training stands.

    step 1,200 of 3,000 (40 %)  sigma 0.061 (RMSE 0.058)  KL 263 nats/clip  3.9 bits/dim
    41 clips/s  about 7 min left

    all in one line. On a terminal that line is written over and over, and as much of it
    as its width has room for; elsewhere there is one line an epoch. The figures are
    means over the epoch so far. Speed and time left are of this attempt without its
    first step, which is when the step is traced.

    Args:
        num_steps: int, training steps of the whole run.
        initial_step: int, steps of earlier attempts. Defaults to `None`: as many as
            the optimizer has counted.
        example: what one example is called, such as `"image"`. Defaults to `"example"`.
        batch_size: int, examples in a step. Defaults to `None`: not known, and the
            speed is told in steps.
        stream: where to write. Defaults to `None`, standard error.
        clock: function that gives the time in seconds. Defaults to `time.monotonic`.

    Example:
        >>> model.fit(train, steps_per_epoch=500, callbacks=[ProgressLine(500)])
    """

    def __init__(
        self,
        num_steps: int,
        initial_step: int | None = None,
        example: str = "example",
        batch_size: int | None = None,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__(initial_step)
        self.num_steps = num_steps
        self.example = example
        self.batch_size = batch_size
        self.stream = sys.stderr if stream is None else stream
        self._clock = clock
        # A terminal that is "dumb" cannot go back to the start of a line.
        self._is_live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_open = False  # a line that is still written over
        self._begun = self._measured_from = None
        self._next = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        # Steps of another `fit` may be of another size.
        self._measured_from = None
        if self._begun is None:
            self._begun = self._clock()
            self._show([self._position(), "preparing the first step ..."])

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        now = self._clock()
        if self._measured_from is None:
            self._measured_from = self.step, now
        if self._is_live and now >= self._next:
            self._next = now + _REFRESH
            self._show(self._parts(logs, now))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._show(self._parts(logs, self._clock()))

    def on_train_end(self, logs: Logs | None = None) -> None:
        super().on_train_end(logs)
        if self.step >= self.num_steps or self.model.stop_training:
            self.close()

    def close(self) -> None:
        """Ends the line; to be called where `fit` ended by an error."""
        if self._is_open:
            print(file=self.stream, flush=True)
            self._is_open = False

    def _position(self):
        share = 100 * self.step // max(self.num_steps, 1)
        return f"step {self.step:,} of {self.num_steps:,} ({share} %)"

    def _parts(self, logs, now):
        figures = figure_parts(logs or {}, self.example)
        speed, left = [], []
        step, since = self._measured_from or (self.step, now)
        if self.step > step and now > since:
            rate = (self.step - step) / (now - since)
            speed = [_speed(rate, self.example, self.batch_size)]
            left = [f"about {duration((self.num_steps - self.step) / rate)} left"]
        if self.step >= self.num_steps:
            left = [f"took {duration(now - self._begun)}"]
        return [self._position(), *figures, *speed, *left]

    def _show(self, parts):
        if not self._is_live:
            print(_GAP.join(parts), file=self.stream, flush=True)
            return
        # The last column stays free: some terminals begin a new line there.
        line = fitted(parts, _width(self.stream) - 1)
        print(f"\r{line}\x1b[K", end="", file=self.stream, flush=True)
        self._is_open = True


def figure_parts(logs, example) -> list[str]:
    """Sigma, error, rate and bits of the logs of an epoch, in words.

    Args:
        logs: dict of name -> float.
        example: what one example is called.
    """
    logs = {name: float(value) for name, value in logs.items()}
    parts = []
    rmse = f"RMSE {math.sqrt(logs['mse']):.3g}" if logs.get("mse", -1) >= 0 else ""
    if "sigma" in logs:
        parts.append(f"sigma {logs['sigma']:.3g}" + (f" ({rmse})" if rmse else ""))
    elif rmse:
        parts.append(rmse)
    if "kl" in logs:
        parts.append(f"KL {_rounded(logs['kl'])} nats/{example}")
    # What training lowers, where it is no number of bits.
    name, unit = ("loss", f"nats/{example}")
    if "bits_per_dim" in logs:
        name, unit = "bits_per_dim", "bits/dim"
    if name in logs:
        word = "" if name == "bits_per_dim" else "loss "
        validated = logs.get(f"val_{name}")
        also = "" if validated is None else f" (validation {_rounded(validated)})"
        parts.append(f"{word}{_rounded(logs[name])} {unit}{also}")
    return parts


def fitted(parts, width) -> str:
    """The line as far as it has room: of its parts the middle ones go first.

    Args:
        parts: list of str, where training stands first, the time left last.
        width: int, columns.
    """
    parts = list(parts)
    while len(_GAP.join(parts)) > width and len(parts) > 2:
        del parts[-2]
    if len(_GAP.join(parts)) > width and len(parts) == 2:
        del parts[1]
    return _GAP.join(parts)[: max(width, 0)]


def duration(seconds) -> str:
    """A length of time as a person says it, such as "7 min"; rounded."""
    if seconds < 20:
        return f"{max(round(seconds), 1)} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, minutes = divmod(10 * round(minutes / 10), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(minutes / (24 * 60))} days"


def _speed(steps_per_second, example, batch_size):
    if batch_size is None:
        return f"{_rounded(steps_per_second)} steps/s"
    return f"{_rounded(steps_per_second * batch_size)} {example}s/s"


def _rounded(value):
    """Three digits, but all of those before the point."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _width(stream):
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:  # a terminal that does not tell
        return 80
