"""One run, one writer: who comes second is told who is first."""

import errno
import fcntl
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


def test_a_file_that_the_one_before_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """Opened, then deleted by who had it: a third one would make another."""
    flock = fcntl.flock

    def after_the_other_left(file, operation):
        monkeypatch.setattr(fcntl, "flock", flock)
        (tmp_path / ".lock").unlink()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", after_the_other_left)
    with RunLock(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_a_run_that_was_opened_before_is_not_trained_beside_another(tmp_path):
    run, errors = RunFolder(tmp_path, {}), []

    def fit():
        try:
            run.fit(None, None, 1)
        except BlockingIOError as error:
            errors.append(str(error))

    with RunLock(tmp_path):
        thread = threading.Thread(target=fit)
        thread.start()
        thread.join()
    assert len(errors) == 1 and f"process {os.getpid()}" in errors[0]


def test_a_file_system_without_locks_is_told_and_used(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    told = pytest.warns(UserWarning, match="is on a file system without locks")
    with told, RunLock(tmp_path):
        assert (tmp_path / ".lock").exists()
