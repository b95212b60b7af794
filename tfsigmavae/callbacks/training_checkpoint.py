"""Checkpoints of a training run."""

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checkpoints.checkpoint import (
    Restored,
    assign_metrics,
    metric_values,
    save_checkpoint,
)
from tfsigmavae.typing import Logs, PathLike

# First step of the epoch that a checkpoint was saved within, in its record.
EPOCH_START = "epoch_start"


class TrainingCheckpoint(StepCallback):
    """Saves the exact training state at the end of every epoch and of training.

    Args:
        directory: folder of the checkpoints, see `save_checkpoint`.
        initial_step: int, batches seen before this `fit`. Defaults to `0`.
        every: int, epochs between checkpoints. Defaults to `1`.
        keep: int, how many of the last ones to keep. Defaults to `2`.
        monitor: name of the log by which the best one is kept too, the lowest; nothing
            where there is no such log. Defaults to `"val_loss"`, which does not depend
            on how the KL term is annealed.
        resumed: what `checkpoints.restore` gave. An epoch that it was saved within
            goes on then, with its means so far. Defaults to `None`.
        writes: bool; of several machines that train together one does. Defaults to
            `True`.
    """

    def __init__(
        self,
        directory: PathLike,
        initial_step: int = 0,
        every: int = 1,
        keep: int = 2,
        monitor: str = "val_loss",
        resumed: Restored | None = None,
        writes: bool = True,
    ):
        super().__init__(initial_step)
        self.directory = directory
        self.every = every
        self.keep = keep
        self.monitor = monitor
        self._resumed = resumed
        self._writes = writes
        self._saved = initial_step
        self._means = None  # those of training, which validation replaces

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._first_step = self.step
        if self._resumed is not None:
            first_step = self._resumed.record.get(EPOCH_START)
            if first_step is not None:
                self._first_step = first_step
                assign_metrics(self.model, self._resumed.metrics)
            self._resumed = None

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._means = metric_values(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if (epoch + 1) % self.every == 0:
            self._save((logs or {}).get(self.monitor))
        self._means = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        super().on_train_end(logs)
        if self._saved != self.step:
            self._save(None)

    def _save(self, score):
        if not self._writes:
            return
        done, wanted = self.step - self._epoch_start, self.params["steps"]
        is_whole = wanted is None or done >= wanted
        save_checkpoint(
            self.model,
            self.directory,
            self.step,
            self.keep,
            score,
            {} if is_whole else {EPOCH_START: self._first_step},
            self._means,
        )
        self._saved = self.step
