"""Errors that a user can mend end a script in one line; others keep their traceback."""

import errno
import importlib
import os
import signal
import subprocess
import sys
import unittest.mock

import pytest
import tensorflow as tf
from tfsigmavae_commands.__main__ import COMMANDS
from tfsigmavae_commands.console import run, share_cores, stopped

from tfsigmavae.callbacks import StopOnInterrupt
from tfsigmavae.video import SVGLP, WarpVRNN, bair


def test_exit_code_is_that_of_main():
    with pytest.raises(SystemExit) as exit:
        run(lambda: 130)
    assert exit.value.code == 130


def test_own_error_is_one_line(tmp_path):
    with pytest.raises(SystemExit) as exit:
        run(lambda: bair.clips(tmp_path))
    assert str(exit.value).startswith("error: No TFRecord files")


def test_own_error_keeps_its_traceback_on_request(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSIGMAVAE_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        run(lambda: bair.clips(tmp_path))


def test_error_from_elsewhere_keeps_its_traceback():
    with pytest.raises(ValueError):
        run(lambda: tf.reshape(tf.zeros([3]), [2, 2, "x"]))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "a.keras"), "the same command goes on"),
        (OSError(errno.EROFS, "Read-only file system", "a"), "Name another folder"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "Mend its rights"),
    ],
)
def test_an_error_of_the_system_that_names_a_file_is_one_line(error, words):
    def elsewhere():  # raised in a library
        unittest.mock.Mock(side_effect=error)()

    with pytest.raises(SystemExit) as exit:
        run(elsewhere)
    message = f"error: '{error.filename}': {error.strerror}. "
    assert str(exit.value).startswith(message) and words in str(exit.value)


def test_an_error_of_the_system_without_a_name_keeps_its_traceback():
    with pytest.raises(OSError):
        run(unittest.mock.Mock(side_effect=OSError(errno.EIO, "Input/output error")))


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0"), ("1", "1")])
def test_commands_that_train_ask_for_onednn_unless_the_user_says_no(
    before, after, monkeypatch
):
    name = "TF_ENABLE_ONEDNN_OPTS"
    monkeypatch.setenv(name, before or "")
    if before is None:
        del os.environ[name]
    with pytest.raises(SystemExit):
        run(lambda: 0)
    assert os.environ.get(name) == before  # to predict or export changes nothing
    seen = []
    with pytest.raises(SystemExit):
        run(lambda: seen.append(os.environ.get(name)), trains=True)
    assert seen == [after]
    os.environ.pop(name)
    with pytest.raises(SystemExit):
        run(lambda: seen.append(os.environ.get(name)), onednn=True)
    assert seen == [after, "1"]


def test_which_commands_train():
    modules = {
        name: importlib.import_module(f"tfsigmavae_commands.{module}")
        for name, (module, _) in COMMANDS.items()
    }
    found = {name: getattr(each, "CONSOLE", {}) for name, each in modules.items()}
    assert {name: options for name, options in found.items() if options} == {
        "demo": {"trains": True},
        "train video": {"trains": True},
        "train images": {"trains": True},
        "reproduce": {"trains": True},
        "evaluate": {"onednn": True},
    }


@pytest.mark.parametrize(
    ("model", "cores", "chosen", "expected"),
    [
        (WarpVRNN, 2, None, [1, 2]),
        (SVGLP, 2, None, []),  # its operations are of all frames at once
        (WarpVRNN, 1, None, []),
        (WarpVRNN, 16, None, []),
        (WarpVRNN, 2, "TF_NUM_INTRAOP_THREADS", []),
        (WarpVRNN, 2, "TF_NUM_INTEROP_THREADS", []),
    ],
)
def test_small_operations_have_a_core_each(model, cores, chosen, expected, monkeypatch):
    seen = []
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    if chosen:
        monkeypatch.setenv(chosen, "2")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    for name in ("intra", "inter"):
        name = f"set_{name}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, seen.append)
    share_cores(model)
    assert seen == expected


def test_threads_stay_as_they_are_where_something_was_computed(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    tf.zeros([1])
    before = tf.config.threading.get_intra_op_parallelism_threads()
    share_cores(WarpVRNN)
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


@pytest.mark.parametrize(
    "signum, code, word",
    [(signal.SIGTERM, 0, "Stopped, all is saved"), (signal.SIGINT, 130, "Interrupted")],
)
def test_the_exit_code_says_who_ended_training(signum, code, word, monkeypatch, capsys):
    monkeypatch.setattr(StopOnInterrupt, "received", signum)
    assert stopped("runs/a") == code
    assert capsys.readouterr().err == f"{word}; the same command resumes 'runs/a'.\n"


def test_a_dry_run_that_is_stopped_says_that_it_keeps_nothing(capsys):
    assert stopped(None) == 130
    assert capsys.readouterr().err == "Stopped; a dry run keeps nothing.\n"


def test_a_machine_that_ended_with_another_is_not_done(monkeypatch, capsys):
    monkeypatch.setattr(StopOnInterrupt, "followed", True)
    assert stopped("runs/a") == os.EX_TEMPFAIL
    assert "the same command resumes 'runs/a'" in capsys.readouterr().err


def test_a_machine_that_only_trains_along_ends_well(monkeypatch, capsys):
    monkeypatch.setattr(StopOnInterrupt, "received", None)
    assert stopped("runs/a") == 0
    assert "the first machine completes 'runs/a'" in capsys.readouterr().err


def test_outside_training_steps_sigterm_ends_a_command_at_once(monkeypatch, capsys):
    previous = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run(lambda: signal.raise_signal(signal.SIGTERM), trains=True)
    assert ended.value.code == 0
    assert "the same command goes on" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is previous


NOISY = """
import os, sys
from tfsigmavae_commands import console
console.load()
import tensorflow as tf
assert tf.constant(1).numpy() == 1
print("seen", file=sys.stderr)
os.write(2, b"E0000 00:00:1 1 some.cc:1] an error of later\\n")
"""


def standard_error(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_notices_of_tensorflow_do_not_reach_the_terminal_and_all_else_does():
    assert standard_error(NOISY).splitlines() == [
        "seen",
        "E0000 00:00:1 1 some.cc:1] an error of later",
    ]


LOADING = """
import os, sys
from tfsigmavae_commands import console
with console._without_notices():
    os.write(2, b'I0000 00:00:1 1 port.cc:1] a notice\\n')
    os.write(2, b'W0000 00:00:1 1 real.cc:1] a warning\\n')
    print('python too', file=sys.stderr)
"""
TOLD = ["W0000 00:00:1 1 real.cc:1] a warning", "python too"]


@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ("    raise ImportError('no TensorFlow')", "ImportError: no TensorFlow"),
        ("    os.abort()", None),
        ("    os.kill(os.getpid(), 9)", None),
    ],
)
def test_what_is_said_while_loading_is_told_however_that_ends(ending, last):
    lines = standard_error(LOADING + ending).splitlines()
    assert lines[:2] == TOLD
    assert lines[-1] == (last or TOLD[-1])


def test_who_asks_for_notices_gets_them(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert standard_error(LOADING).splitlines()[0].endswith("a notice")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/null", "2>&1"])
def test_standard_error_may_be_closed(closed):
    command = f'{sys.executable} -c "$0" {closed}'
    code = LOADING.replace("os.write(2", "0 and os.write(2") + "print('done')"
    result = subprocess.run(["sh", "-c", command, code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.endswith("done\n")
