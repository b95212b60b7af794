"""Calls from TensorFlow's threads are over before Python ends."""

import threading
import time

import pytest

from tfsigmavae_video.data import python_calls


def test_python_waits_for_running_calls_and_refuses_new_ones(monkeypatch):
    state = {"num_running": 0, "is_over": False, "last": 0.0}
    monkeypatch.setattr(python_calls, "_state", state)
    begun, done = threading.Event(), []

    def work(value):
        begun.set()
        time.sleep(0.3)
        done.append(value)
        return value

    call = python_calls.guarded(work)
    thread = threading.Thread(target=call, args=(1,))
    thread.start()
    begun.wait()
    python_calls._end()
    assert done == [1] and state["num_running"] == 0
    with pytest.raises(RuntimeError, match="about to end"):
        call(2)
    thread.join()


def test_nobody_waits_where_nothing_was_called(monkeypatch):
    state = {"num_running": 0, "is_over": False, "last": 0.0}
    monkeypatch.setattr(python_calls, "_state", state)
    started = time.monotonic()
    python_calls._end()
    assert time.monotonic() - started < 0.05
    assert python_calls.guarded(len)
