"""Ctrl-C, and the request of a system to end, during training."""

import signal
import threading
import typing

import keras


class StopOnInterrupt(keras.callbacks.Callback):
    """Lets Ctrl-C, or SIGTERM, end training after the current step, the state saved.

    `fit` returns normally then, and `interrupted` is true. A second one interrupts at
    once. Schedulers of clusters, containers and `kill` send SIGTERM before they end a
    process by force. Outside the main thread, where Python delivers no signals, it does
    nothing.
    """

    # The last one of this process that ended training, or `None`.
    received: typing.ClassVar[int | None] = None

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._previous = {}

    def on_train_begin(self, logs=None):
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            # A job in the background ignores Ctrl-C and must go on doing so; a handler
            # that is not Python's (`None`) could not be put back.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._interrupt)

    def _interrupt(self, signum, frame):
        self.interrupted = True
        self.model.stop_training = True
        StopOnInterrupt.received = signum
        self.restore()

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Gives the signals back; to be called where `fit` ended by an error."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous = {}
