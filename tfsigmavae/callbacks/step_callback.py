"""Counting the steps of training."""

import weakref
from typing import Any

import keras
import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.typing import Logs

# Model -> updates that its optimizer had counted at the end of a `fit`, and the steps
# done by then: more, where some were undone.
_reached = weakref.WeakKeyDictionary()


class StepCallback(keras.callbacks.Callback):
    """Base of callbacks that know the training step, over epochs and attempts.

    `step` is the number of steps done, from `on_train_batch_end` of this class on.

    Args:
        initial_step: int >= 0, steps before training begins. Defaults to `None`: as
            many as the optimizer has counted.

    Raises:
        ValueError: if `initial_step` is no int >= 0.
    """

    # Keras sets both before it calls anything.
    model: Any
    params: dict[str, Any]

    def __init__(self, initial_step: int | None = None):
        super().__init__()
        if initial_step is not None:
            check_at_least("initial_step", initial_step, 0)
        self.step = initial_step or 0
        self._asks_optimizer = initial_step is None

    def begin_at(self, step: int) -> None:
        """Tells how many steps were done, better than the optimizer can.

        One that scales the loss does not count the steps that it skips.
        """
        self.step, self._asks_optimizer = step, False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self._asks_optimizer:
            count = _steps_of(self.model.optimizer)
            known, step = _reached.get(self.model, (None, None))
            self.step = step if known == count else count

    def on_train_end(self, logs: Logs | None = None) -> None:
        if (optimizer := getattr(self.model, "optimizer", None)) is not None:
            _reached[self.model] = _steps_of(optimizer), self.step

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_start = self.step

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        # `batch` is the last one of `steps_per_execution`, counted within the epoch;
        # Keras counts a last, shorter execution in full.
        done = min(batch + 1, self.params["steps"] or batch + 1)
        self.step = self._epoch_start + done


def _steps_of(optimizer):
    # Not `iterations`, which counts updates where gradients are accumulated. An
    # optimizer that scales the loss has a count beside that of the one inside. Not
    # `int`, which a variable of several replicas does not have.
    counts = [v for v in optimizer.variables if v.name == "iteration"]
    return max(int(np.asarray(count)) for count in counts)
