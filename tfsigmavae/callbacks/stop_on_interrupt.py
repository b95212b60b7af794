"""Ctrl-C during training."""

import signal
import threading

import keras


class StopOnInterrupt(keras.callbacks.Callback):
    """Lets Ctrl-C end training after the current step, with the state saved.

    `fit` returns normally then, and `interrupted` is true. A second Ctrl-C interrupts
    at once. Outside the main thread, where Python delivers no signals, it does nothing.
    """

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._previous = None

    def on_train_begin(self, logs=None):
        if threading.current_thread() is not threading.main_thread():
            return
        # A job in the background ignores Ctrl-C and must go on doing so; a handler that
        # is not Python's (`None`) could not be put back.
        if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
            self._previous = signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, signum, frame):
        self.interrupted = True
        self.model.stop_training = True
        self.restore()

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self):
        """Gives Ctrl-C back; to be called where `fit` ended by an error."""
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None
