"""Functions in processes of their own, which may be killed."""

import os
import pathlib
import signal
import sys
import time
import traceback

from tfsigmavae_commands import console

# Longer than anything here takes on a busy machine: what does not end then hangs.
LIMIT = 600.0


class Child:
    """A process that calls a function, as a command calls its `main`.

    Args:
        work: function without arguments; what it returns is the exit code.
        log: file to which its output is appended.
    """

    def __init__(self, work, log):
        self.log = pathlib.Path(log)
        self._code = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _be_a_child(work, self.log)

    def wait(self, seconds=LIMIT):
        """Exit code, or minus the signal; `None` if it goes on after `seconds`."""
        until = time.monotonic() + seconds
        while self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= until:
                return None
            else:
                time.sleep(0.002)
        return self._code

    def wait_for(self, path, seconds=LIMIT):
        """Waits until it has written something to a file, or has ended."""
        until = time.monotonic() + seconds
        while self.wait(0.0) is None and time.monotonic() < until:
            if path.exists() and path.stat().st_size:
                return
            time.sleep(0.002)

    def signal(self, number):
        if self.wait(0.0) is None:
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    @property
    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _be_a_child(work, log):
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        console.run(work, trains=True)
    except SystemExit as end:
        code = end.code or 0
        if not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
