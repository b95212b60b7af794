"""The noise of evaluation."""

import keras
import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.models.seeding import generator_states
from tfsigmavae.typing import Logs


class EvaluationNoise(keras.callbacks.Callback):
    """Evaluation draws the same noise every time, and leaves that of training alone.

    Every `keras.random.SeedGenerator` of the model starts evaluation at a fixed state
    and is put back afterwards. So figures are comparable from epoch to epoch, and
    training with validation is, to the bit, training without. For `evaluate` and for
    the validation of `fit`.

    Args:
        seed: int, of the noise. Defaults to `0`.

    Example:
        >>> model.evaluate(images, callbacks=[EvaluationNoise()])
    """

    def __init__(self, seed: int = 0):
        super().__init__()
        check_at_least("seed", seed, 0)
        self.seed = seed
        self._kept = []

    def on_test_begin(self, logs: Logs | None = None) -> None:
        states = generator_states(self.model)
        self._kept = [(state, np.array(state)) for state in states]
        for number, state in enumerate(states):
            # Not seed + number: neighbouring seeds would share noise.
            sequence = np.random.SeedSequence(self.seed, spawn_key=(number,))
            state.assign([sequence.generate_state(1)[0] >> 1, 0])

    def on_test_end(self, logs: Logs | None = None) -> None:
        for state, value in self._kept:
            state.assign(value)
