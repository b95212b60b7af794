"""What a worker runs, and the resources that it took."""

import collections.abc
import dataclasses
import pathlib
import resource
import sys
import time


@dataclasses.dataclass
class Work:
    """One configuration, ready to be measured.

    Args:
        run: function that takes a number of steps, and returns when they are done.
        items: int, frames (or images) of a step.
        macs: int, multiply-accumulates of a step. Defaults to `0`, not counted.
        traces: function that gives how often Python has run the code of the step, for
            a step that is compiled. Defaults to `None`, for one that is not.
        settle: function that waits until nothing runs in the background any more; its
            CPU time counts. Defaults to `None`.
        rates: function that gives what the last run measured itself. Defaults to
            `None`.
    """

    run: collections.abc.Callable
    items: int
    macs: int = 0
    traces: collections.abc.Callable | None = None
    settle: collections.abc.Callable | None = None
    rates: collections.abc.Callable | None = None


def measure(work, num_steps) -> dict:
    """Runs `num_steps`: wall and CPU seconds (user and system, all threads).

    Of processes that it starts and waits for as well.
    """
    cpu, wall = _cpu_seconds(), time.perf_counter()
    work.run(num_steps)
    wall = time.perf_counter() - wall
    if work.settle:
        work.settle()
    figures = {"wall": wall, "cpu": _cpu_seconds() - cpu, "peak_mb": peak_mb()}
    if work.rates:
        figures["rates"] = work.rates()
    return figures


def _cpu_seconds():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """The most memory that this process has held so far, in MB of 10**6 bytes."""
    status = pathlib.Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    # Bytes on macOS, kibibytes elsewhere.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


class CallCounter:
    """Counts how often a method of one object runs: in a graph, once a trace."""

    def __init__(self, owner, name):
        self.count = 0
        method = getattr(owner, name)

        def counted(*args, **kwargs):
            self.count += 1
            return method(*args, **kwargs)

        setattr(owner, name, counted)

    def __call__(self) -> int:
        return self.count


def wait_until_idle(seconds=0.05) -> None:
    """Returns when this process has used next to no CPU for so long."""
    used = time.process_time()
    while True:
        time.sleep(seconds)
        before, used = used, time.process_time()
        if used - before < 0.02 * seconds:
            return
