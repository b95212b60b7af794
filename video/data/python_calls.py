"""Calls from TensorFlow's threads into Python, which must be over when Python ends.

A thread that asks for the interpreter while Python ends waits for ever, and the data
set that owns the thread waits for it: the process would hang.
"""

import atexit
import threading
import time

_QUIET_SECONDS = 0.1  # without a call: the buffers of the data sets are full
_MOST_SECONDS = 5.0

_lock = threading.Lock()
_state = {"num_running": 0, "is_over": False, "last": 0.0}


def guarded(function):
    """The function, refused once Python is about to end."""

    def call(*args):
        with _lock:
            _state["last"] = time.monotonic()
            if _state["is_over"]:
                raise RuntimeError("Python is about to end.")
            _state["num_running"] += 1
        try:
            return function(*args)
        finally:
            with _lock:
                _state["num_running"] -= 1

    return call


@atexit.register
def _end():
    """Refuses calls, and waits until none is running and none has come for a while."""
    started = time.monotonic()
    with _lock:
        was_used, _state["is_over"] = _state["last"] > 0.0, True
    while was_used and time.monotonic() - started < _MOST_SECONDS:
        time.sleep(_QUIET_SECONDS / 10)
        with _lock:
            quiet = time.monotonic() - max(_state["last"], started)
            if not _state["num_running"] and quiet > _QUIET_SECONDS:
                return
