"""Checkpoints of a training run."""

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checkpoint import save_checkpoint


class TrainingCheckpoint(StepCallback):
    """Saves the exact training state at the end of every epoch and of training.

    Args:
        directory: folder of the checkpoint, see `save_checkpoint`.
        initial_step: int, batches seen before this `fit`. Defaults to `0`.
        every: int, epochs between checkpoints. Defaults to `1`.
    """

    def __init__(self, directory, initial_step=0, every=1):
        super().__init__(initial_step)
        self.directory = directory
        self.every = every
        self._saved = initial_step

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            self._save()

    def on_train_end(self, logs=None):
        if self._saved != self.step:
            self._save()

    def _save(self):
        save_checkpoint(self.model, self.directory, self.step)
        self._saved = self.step
