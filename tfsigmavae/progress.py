"""How far a long piece of work is: a bar on a terminal, else a line now and then."""

import math
import sys
import threading
import time

_SECONDS_BETWEEN_LINES = 10
_BAR_SIZE = 24


class Progress:
    """Counts what is done and tells the rate and the time that is left, on stderr.

    Args:
        total: int, how much there is to do.
        unit: str, what is counted, in the plural.
        done: int, how much was done before; it says nothing of the rate.
        quiet: bool, whether to print nothing.
        what: str, the work in a word or two, before the numbers. With it, a line tells
            that the work begins, as the first piece may take long, and, where there is
            no terminal, one that it is done. Defaults to none.

    Example:
        >>> progress = Progress(1000, "clips")
        >>> progress.add(10)  # from any thread
        >>> progress.show()  # as often as one likes
    """

    def __init__(self, total, unit, done=0, quiet=False, what=""):
        self.total, self.unit, self.done = total, unit, done
        self._before, self._quiet = done, quiet
        self._started = self._told = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._what = what
        if what:
            self._begin()

    def _begin(self):
        if self._is_terminal:
            self.show()
        elif not self._quiet:
            print(self.text(), file=sys.stderr, flush=True)

    def add(self, number: int):
        """Counts what has been done since."""
        with self._lock:
            self.done += number

    def show(self):
        """Draws the bar anew, or prints a line if the last one was a while ago."""
        if self._quiet:
            return
        if self._is_terminal:
            print(f"\r{self._bar()} {self.text()}\x1b[K", end="", file=sys.stderr)
            sys.stderr.flush()
        elif self._what and self.done >= self.total:
            return  # `close` tells it
        elif time.monotonic() - self._told > _SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            print(self.text(), file=sys.stderr, flush=True)

    def counted(self, batches):
        """Yields batches; each is counted and told when the next one is asked for."""
        for batch in batches:
            yield batch
            self.add(len(batch))
            self.show()

    def close(self):
        """Ends the bar's line, or tells how long it took."""
        if self._quiet:
            return
        if self._is_terminal:
            self.show()
            print(file=sys.stderr)
        elif self._what and self.done >= self.total:
            took = duration(math.ceil(time.monotonic() - self._started))
            print(f"{self._position()}, took {took}", file=sys.stderr, flush=True)

    def _position(self):
        what = f"{self._what}: " if self._what else ""
        return f"{what}{self.done:,} of {self.total:,} {self.unit}"

    def text(self) -> str:
        """Such as "1,234 of 10,000 clips, 56.7 clips/s, 2 min 34 s left"."""
        seconds = time.monotonic() - self._started
        rate = (self.done - self._before) / max(seconds, 1e-9)
        parts = [self._position()]
        if rate > 0:
            left = math.ceil((self.total - self.done) / rate)
            parts += [f"{rate:.3g} {self.unit}/s", f"{duration(left)} left"]
        return ", ".join(parts)

    def _bar(self):
        filled = _BAR_SIZE * self.done // max(self.total, 1)
        return f"[{'#' * filled}{'.' * (_BAR_SIZE - filled)}]"


def duration(seconds: int) -> str:
    """Such as "45 s", "2 min 34 s" or "3 h 5 min"."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
