"""A word when training learns to do without the latents."""

import warnings

import keras

from tfsigmavae.checks import check_at_least
from tfsigmavae.typing import Logs


class CollapseWarning(keras.callbacks.Callback):
    """Warns once when the rate stays under a floor: the posterior is the prior.

    Reconstructions then are averages, and samples know nothing of the data, while loss
    and error may look fine (posterior collapse).

    Args:
        floor: float >= 0, nats per example. Defaults to `0.1`: a seventh of a bit.
        patience: int >= 1, so many epochs in a row under it. Defaults to `3`.

    Example:
        >>> model.fit(train, epochs=10, callbacks=[CollapseWarning()])

    Reference: Bowman et al., 2016, section 3.1.
    """

    def __init__(self, floor: float = 0.1, patience: int = 3):
        super().__init__()
        if not floor >= 0.0:
            raise ValueError(f"`floor` must be a rate >= 0 in nats, got {floor!r}.")
        check_at_least("patience", patience, 1)
        self.floor = floor
        self.patience = patience
        self._epochs = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = (logs or {}).get("kl")
        if rate is None:
            return
        self._epochs = self._epochs + 1 if rate < self.floor else 0
        if self._epochs == self.patience:
            warnings.warn(
                f"The rate is {rate:.3g} nats per example, below {self.floor:g} for "
                f"{self.patience} epochs: the latents carry nothing. Let the KL "
                "weight rise (`--kl-ramp`, `KLAnnealing`), or look at sigma: a fixed "
                "one may be too large for the data.",
                stacklevel=2,
            )
