"""One run, one writer."""

import datetime
import json
import os
import pathlib
import platform
import threading

from tfsigmavae.locks import hold
from tfsigmavae.typing import PathLike

_NAME = ".lock"


class RunLock:
    """Keeps every other process, and thread, from writing to a run folder.

    A context manager. The thread that has it may enter it again, by another object too.
    It ends with the process, however that ends; `.lock` in the folder then stays, and
    says nothing.

    Args:
        path: run folder, made if missing.

    Raises:
        BlockingIOError: on entering, if another one has it: host, process, since when.
        FileExistsError: on entering, if `path` is a file.
    """

    _held = {}  # resolved folder -> [thread, entries, open file]

    def __init__(self, path: PathLike):
        self.path = pathlib.Path(path)

    def __enter__(self):
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(
                f"'{self.path}' is a file, and a run needs a folder: choose another."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        key, thread = self.path.resolve(), threading.get_ident()
        held = self._held.get(key)
        if held and held[0] == thread:
            held[1] += 1
            return self
        file = hold(self.path / _NAME, self._busy)
        file.truncate(0)
        file.write(json.dumps(_writer()).encode())
        file.flush()
        self._held[key] = [thread, 1, file]
        return self

    def __exit__(self, *error):
        key = self.path.resolve()
        held = self._held[key]
        held[1] -= 1
        if not held[1]:
            del self._held[key]
            # While it is still held: who opens it now finds that it is not there.
            (self.path / _NAME).unlink(missing_ok=True)
            held[2].close()

    def _busy(self, content):
        try:
            writer = "process {pid} on {host} since {since}".format(
                **json.loads(content)
            )
        except (ValueError, TypeError, KeyError):
            writer = "another process"
        return BlockingIOError(
            f"The run in '{self.path}' is being written by {writer}. Wait for it, stop "
            "it, or choose another folder."
        )


def _writer():
    now = datetime.datetime.now().astimezone()
    return {
        "host": platform.node(),
        "pid": os.getpid(),
        "since": now.isoformat(timespec="seconds"),
    }
