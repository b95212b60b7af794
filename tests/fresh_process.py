"""Runs Python in a process of its own."""

import os
import pathlib
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent


def environment():
    """This process's environment, quiet and on the CPU."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return {**os.environ, **quiet}


def run_python(code, *arguments, cwd=None, timeout=120):
    """Runs `code`; gives what it prints. Fails the test if it fails."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return run(command, cwd=cwd, timeout=timeout).stdout


def run(command, cwd=None, timeout=120, returncode=0):
    result = subprocess.run(
        command,
        cwd=cwd,
        timeout=timeout,
        env=environment(),
        capture_output=True,
        text=True,
    )
    report = f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    assert result.returncode == returncode, report
    return result
