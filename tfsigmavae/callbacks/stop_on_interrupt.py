"""Ctrl-C, and the request of a system to end, during training."""

import signal
import threading
import typing

import keras
import tensorflow as tf

from tfsigmavae.machines import is_of_several_machines
from tfsigmavae.typing import Logs


class StopOnInterrupt(keras.callbacks.Callback):
    """Lets Ctrl-C, or SIGTERM, end training after the current step, the state saved.

    `fit` returns normally then, and `interrupted` is true. A second one interrupts at
    once. Schedulers of clusters, containers and `kill` send SIGTERM before they end a
    process by force. Outside the main thread, where Python delivers no signals, it does
    nothing. Of several machines that train together all end after the same step,
    whichever was asked.
    """

    model: keras.Model  # set by Keras before it calls anything
    # The last one of this process that ended training, or `None`.
    received: typing.ClassVar[int | None] = None
    # Whether another machine was asked, and this one ended with it.
    followed: typing.ClassVar[bool] = False

    def __init__(self):
        super().__init__()
        self.interrupted = False
        self._is_asked = False
        self._previous = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            # A job in the background ignores Ctrl-C and must go on doing so; a handler
            # that is not Python's (`None`) could not be put back.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._interrupt)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        strategy = self.model.distribute_strategy
        if is_of_several_machines(strategy) and _any_of_all(strategy, self._is_asked):
            StopOnInterrupt.followed = not self._is_asked
            self._stop()

    def _interrupt(self, signum, frame):
        self._is_asked = True
        StopOnInterrupt.received = signum
        # Alone it would leave the others in the middle of a sum over all.
        if not is_of_several_machines(self.model.distribute_strategy):
            self._stop()
        self.restore()

    def _stop(self):
        self.interrupted = True
        self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.restore()

    def restore(self) -> None:
        """Gives the signals back; to be called where `fit` ended by an error."""
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous = {}


def _any_of_all(strategy, flag):
    """Whether it is true on any of the machines, which all have to ask."""
    values = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant(float(flag))
    )
    return bool(strategy.reduce("SUM", values, axis=None) > 0)
