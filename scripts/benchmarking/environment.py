"""The machine, the versions, and how busy it is."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import shlex
import subprocess
import sys
import time

_PACKAGES = ("tfsigmavae", "tensorflow", "keras", "numpy", "torch")
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
# Where other processes use more of the cores, wall times say little.
_MOST_OF_OTHERS = 0.1


def describe() -> dict:
    """What does not change during a run."""
    cpu = _cpu()
    flags = cpu.get("flags", "").split()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "date": datetime.datetime.now().isoformat(" ", "seconds"),
        "command": shlex.join(["python", *sys.argv]),
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "cpu": cpu.get("model name", platform.processor() or platform.machine()),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "cores": cores or os.cpu_count(),
        # As the commands set it; without it TensorFlow decides by the processor.
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "as TensorFlow decides"),
        "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "as many as cores"),
        "memory_gb": _memory_gb(),
    }


def check_gpu(settings) -> None:
    """Raises a `ValueError` where a case needs a GPU and the system has none.

    TensorFlow, which knows better, is loaded by the processes that measure.
    """
    devices = pathlib.Path("/dev")
    found = any(any(devices.glob(name)) for name in ("nvidia[0-9]*", "kfd", "dxg"))
    if settings.get("needs_gpu") and not found:
        raise ValueError(
            "This case needs a GPU, and there is none here; --dry-run tries its "
            "programs on a CPU."
        )


class Load:
    """How busy the machine is, from the making of this object on."""

    def __init__(self):
        self._before = _load()
        self._clock = _seconds()

    def describe(self) -> dict:
        """Load before and after, and the share of all cores that others used.

        The processes of this run must have ended: they count as ours from then on.
        """
        elapsed, ours, everyone = (
            None if now is None else now - then
            for now, then in zip(_seconds(), self._clock, strict=True)
        )
        others = None
        if everyone is not None:
            others = max(everyone - ours, 0.0) / max(elapsed * os.cpu_count(), 1e-9)
        return {
            "load_before": self._before,
            "load_after": _load(),
            "others_cpu_share": others,
            "busy": others is not None and others > _MOST_OF_OTHERS,
        }


def _load():
    """Load average, and the percentage of time that something waited for a core."""
    found = {"load_average": list(os.getloadavg())}
    pressure = pathlib.Path("/proc/pressure/cpu")
    if pressure.is_file():
        values = dict(word.split("=") for word in pressure.read_text().split()[1:5])
        found["cpu_pressure"] = {key: float(values[key]) for key in ("avg10", "avg60")}
    return found


def _seconds():
    """Wall time, CPU time of this process and its ended children, and of everyone."""
    times = os.times()
    everyone = None
    path = pathlib.Path("/proc/stat")
    if path.is_file():
        ticks = list(map(int, path.read_text().split(maxsplit=9)[1:9]))
        idle = ticks[3] + ticks[4]  # and waiting for a disk
        everyone = (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")
    return time.monotonic(), sum(times[:4]), everyone


def _cpu():
    path = pathlib.Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    lines = path.read_text().partition("\n\n")[0].splitlines()
    return {
        key.strip(): value.strip()
        for key, _, value in (x.partition(":") for x in lines)
    }


def _memory_gb():
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return round(pages * size / 1e9, 1)


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit():
    """Short hash of the checkout, with a + if files differ from it."""
    folder = pathlib.Path(__file__).resolve().parent

    def git(*command):
        result = subprocess.run(
            ["git", "-C", str(folder), *command], capture_output=True, text=True
        )
        return result.stdout.strip() if result.returncode == 0 else None

    try:
        commit = git("rev-parse", "--short", "HEAD")
        changed = commit and git("status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:  # no git
        return None
    return commit and commit + ("+" if changed else "")
