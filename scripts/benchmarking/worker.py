"""The process of one configuration: it gets ready, then runs steps on demand.

    python -m benchmarking.worker SETTINGS

SETTINGS is JSON; its `module` names a module with `make(settings) -> Work`. Lines of
JSON come back: one when it is imported, and one for every line of standard input, the
first of which has it take its first step. SIGTERM makes it report what it has measured
so far; when its input is closed, as by the end of its parent, it ends at once.
"""

import importlib
import json
import os
import queue
import signal
import sys
import threading

from benchmarking.work import measure, peak_mb


class Channel:
    """Standard output for our lines alone: what libraries print goes to the log."""

    def __init__(self):
        self._file = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def send(self, message):
        self._file.write(json.dumps(message) + "\n")
        self._file.flush()


def main():
    channel, finished = Channel(), []
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    # Blocked in all threads, so that a long step does not delay the answer.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    goes = queue.Queue()
    end_with_parent(goes)
    _start(_report_when_terminated, channel, finished)
    settings = json.loads(sys.argv[1])
    os.environ.update(settings.get("environment", {}))  # before TensorFlow is loaded
    module = importlib.import_module(settings["module"])
    channel.send({"imported": settings["module"]})
    goes.get()
    work = module.make(settings)
    start_mb = peak_mb()
    first = measure(work, 1)
    traces = work.traces() if work.traces else None
    ready = {"first_step_s": first["wall"], "first_step_cpu_s": first["cpu"]}
    ready["start_mb"] = start_mb
    channel.send(ready | {"items": work.items, "macs": work.macs})
    while True:
        goes.get()
        figures = measure(work, settings["steps"])
        figures["retraces"] = work.traces() - traces if work.traces else None
        finished.append(figures)
        channel.send(figures)


def end_with_parent(goes=None):
    """Puts the lines of standard input into `goes`; ends the process with the last."""
    _start(_read_goes, goes)


def _start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def _read_goes(goes):
    for line in sys.stdin:
        if goes is not None:
            goes.put(line)
    os._exit(0)


def _report_when_terminated(channel, finished):
    signal.sigwait({signal.SIGTERM})
    channel.send({"terminated": True, "finished": finished})
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
