"""Errors that a user can mend end a script in one line; others keep their traceback."""

import pathlib
import runpy

import pytest
import tensorflow as tf

from tfsigmavae.video import bair

CONSOLE = pathlib.Path(__file__).parents[2] / "scripts" / "console.py"
run = runpy.run_path(str(CONSOLE))["run"]


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
