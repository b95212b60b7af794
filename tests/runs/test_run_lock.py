"""One run, one writer: who comes second is told who is first."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tfsigmavae.runs import RunLock
from tfsigmavae.runs.run_folder import RunFolder

HOLDER = """
import sys, time
from tfsigmavae.runs import RunLock
with RunLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_process_is_told_who_and_since_when(holder, tmp_path):
    message = rf"'{tmp_path}' is being written by process {holder.pid} on .* since 20"
    with pytest.raises(BlockingIOError, match=message), RunLock(tmp_path):
        pass
    with pytest.raises(BlockingIOError, match=message):
        RunFolder(tmp_path, {})
    assert not (tmp_path / "config.json").exists()


def test_the_lock_of_a_killed_process_is_taken_over(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".lock").exists()
    with RunLock(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_its_thread_may_enter_again_and_another_one_may_not(tmp_path):
    errors = []

    def enter():
        try:
            with RunLock(tmp_path):
                pass
        except BlockingIOError as error:
            errors.append(str(error))

    def from_another_thread():
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

    with RunLock(tmp_path):
        with RunLock(tmp_path / "."):
            pass
        from_another_thread()  # the inner one has not ended it
    assert len(errors) == 1 and f"process {os.getpid()}" in errors[0]
    from_another_thread()
    assert len(errors) == 1


def test_after_an_error_it_is_free(tmp_path):
    with pytest.raises(KeyError), RunLock(tmp_path):
        raise KeyError
    with RunLock(tmp_path / "not there yet"), RunLock(tmp_path):
        pass


def test_a_file_in_its_place_is_named(tmp_path):
    (tmp_path / "run").write_text("mine")
    with (
        pytest.raises(FileExistsError, match="'.*run' is a file"),
        RunLock(tmp_path / "run"),
    ):
        pass


def test_a_lock_that_says_nothing_keeps_others_out_too(holder, tmp_path):
    (tmp_path / ".lock").write_text("torn {")
    with pytest.raises(BlockingIOError, match="by another process"):
        RunFolder(tmp_path, {})
