"""How far a transfer is: rate and time left, on stderr."""

import collections
import sys
import time

_SECONDS_SHOWN = 0.5
_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_RATE = 15.0


class TransferNews:
    """Counts bytes and tells of them.

    Args:
        name: of what is transferred.
        progress: see `download`.
    """

    def __init__(self, name: str, progress: bool | None = None):
        self._name = name
        self._silent = progress is False
        self._on_one_line = sys.stderr.isatty() if progress is None else progress
        self._open_line = False

    def begin(self, done: int, total: int | None, what: str = "") -> None:
        """Begins at `done` of `total` bytes; `what` is done with them, in a word."""
        self._done, self._total, self._what = done, total, what
        self._told = self._started = time.monotonic()
        self._samples = collections.deque([(self._told, done)])

    def add(self, num_bytes: int) -> None:
        """Counts some more bytes."""
        self._done += num_bytes
        now = time.monotonic()
        pause = _SECONDS_SHOWN if self._on_one_line else _SECONDS_BETWEEN_LINES
        if now - self._told >= pause:
            self._sample(now)
            self._show()
            self._told = now

    def end(self) -> None:
        """Shows where it ended, if it took so long that anything was shown."""
        if self._told > self._started:
            self._sample(time.monotonic())
            self._show()
        if self._open_line:
            print(file=sys.stderr)
            self._open_line = False

    def tell(self, text: str) -> None:
        """A line on its own."""
        if not self._silent:
            print(f"{self._name}: {text}", file=sys.stderr)

    def _sample(self, now):
        self._samples.append((now, self._done))
        while now - self._samples[0][0] > _SECONDS_OF_RATE and len(self._samples) > 2:
            self._samples.popleft()

    def _show(self):
        if self._silent:
            return
        text = describe(self._done, self._total, self._rate())
        text = " ".join([f"{self._name}:", *self._what.split(), text])
        if self._on_one_line:
            print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
            self._open_line = True
        else:
            print(text, file=sys.stderr)

    def _rate(self):
        (first, before), (last, now) = self._samples[0], self._samples[-1]
        return (now - before) / max(last - first, 1e-9)


def describe(done: int, total: int | None, rate: float) -> str:
    """Such as "1.2 of 32.3 GB (4 %), 85.1 MB/s, 6 min left".

    Args:
        done: bytes.
        total: bytes, `None` where unknown.
        rate: bytes per second.
    """
    unit, name = (1e9, "GB") if (total or done) >= 1e9 else (1e6, "MB")
    speed = f"{rate / 1e6:.1f} MB/s"
    if total is None:
        return f"{done / unit:.1f} {name}, {speed}"
    percent = int(100 * done / total) if total else 100
    share = f"{done / unit:.1f} of {total / unit:.1f} {name} ({percent} %)"
    left = duration((total - done) / rate) if rate > 0 else "unknown time"
    return f"{share}, {speed}, {left} left"


def duration(seconds: float) -> str:
    """Such as "40 s", "6 min" and "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
