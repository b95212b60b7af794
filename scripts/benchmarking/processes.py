"""The driver's side of a process: its lines in, its lines out, and its end."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SCRIPTS = pathlib.Path(__file__).resolve().parents[1]


class Process:
    """A module of this package that answers in lines of JSON; ended with its context.

    Args:
        name: what error messages call it.
        module: the module, such as "worker".
        settings: dict of JSON values, its only argument.

    Raises:
        ChildProcessError: by its methods, if the process ended early.
    """

    def __init__(self, name, module, settings):
        self.name = name
        self._log = tempfile.TemporaryFile("w+")
        paths = [str(SCRIPTS), os.environ.get("PYTHONPATH")]
        path = os.pathsep.join(filter(None, paths))
        self._popen = subprocess.Popen(
            [sys.executable, "-m", f"benchmarking.{module}", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    def read(self) -> dict:
        """Waits for a line of it."""
        line = self._popen.stdout.readline()
        message = json.loads(line) if line else {"terminated": True}
        if "terminated" in message:
            raise ChildProcessError(self._last_words())
        return message

    def go(self) -> dict:
        """Has it run its steps, and waits for the figures."""
        with contextlib.suppress(BrokenPipeError):  # it has ended; `read` gives why
            self._popen.stdin.write("go\n")
            self._popen.stdin.flush()
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._popen.kill()
        self._popen.wait()
        self._popen.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # of what it did not read
            self._popen.stdin.close()
        self._log.close()

    def _last_words(self):
        code = self._popen.wait()
        self._log.seek(0)
        words = self._log.read().strip()[-2000:]
        return f"The process '{self.name}' ended with exit code {code}.\n{words}"
