"""Keras callbacks of a training run."""

import signal
import threading

import keras

from tfsigmavae.checkpoint import save_checkpoint


class TrainingCheckpoint(keras.callbacks.Callback):
    """Saves the exact training state at the end of every epoch and of training.

    Args:
        directory: folder of the checkpoint, see `save_checkpoint`.
        initial_step: int, batches seen before this `fit`. Defaults to `0`.
        every: int, epochs between checkpoints. Defaults to `1`.
    """

    def __init__(self, directory, initial_step=0, every=1):
        super().__init__()
        self.directory = directory
        self.step = initial_step
        self.every = every
        self._saved = initial_step

    def on_train_batch_end(self, batch, logs=None):
        # `batch` is the last one of `steps_per_execution`, counted within the epoch;
        # Keras counts a last, shorter execution in full.
        self._step_in_epoch = min(batch + 1, self.params["steps"] or batch + 1)

    def on_epoch_begin(self, epoch, logs=None):
        self._step_in_epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        self.step += self._step_in_epoch
        if (epoch + 1) % self.every == 0:
            self._save()

    def on_train_end(self, logs=None):
        if self._saved != self.step:
            self._save()

    def _save(self):
        save_checkpoint(self.model, self.directory, self.step)
        self._saved = self.step


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
