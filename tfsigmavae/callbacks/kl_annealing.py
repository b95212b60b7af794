"""A weight of the KL term that rises while a model is trained."""

from tfsigmavae.callbacks.step_callback import StepCallback
from tfsigmavae.checks import check_at_least
from tfsigmavae.typing import Logs


class KLAnnealing(StepCallback):
    """Raises the weight of the KL term in a straight line up to the model's `beta`.

        weight at step k = beta * (start + (1 - start) * min(k / num_steps, 1))

    At first a latent costs more nats than it saves, and training may learn to do
    without it (posterior collapse); what it is good for is learned while it is cheap.

    The weight follows from the step: a run that goes on has that of one that was never
    stopped. No step is compiled again. `loss` of training is with the weight as it is,
    thus what is minimised; `evaluate` and validation always have the whole `beta`, so
    that `val_loss` is comparable from epoch to epoch. The weight of an epoch's last
    step is logged as `kl_weight`. With `steps_per_execution` it changes once an
    execution.

    Args:
        num_steps: int >= 1, steps until the weight is `beta`; a step is a batch, also
            where gradients are accumulated.
        start: float in [0, 1], share of `beta` at step 0. Defaults to `0.0`.
        initial_step: int >= 0, steps before training begins. Defaults to `None`: as
            many as the optimizer has counted.

    Raises:
        ValueError: if `num_steps` is no int >= 1, `start` is not in [0, 1], or
            `initial_step` is negative.
        TypeError: in `fit` of a model that is no `VariationalModel`.

    Example:
        >>> model.fit(train, epochs=10, callbacks=[KLAnnealing(num_steps=2000)])

    Reference: Bowman et al., 2016, section 3.1; Soenderby et al., 2016 (warm-up).
    """

    def __init__(
        self, num_steps: int, start: float = 0.0, initial_step: int | None = None
    ):
        super().__init__(initial_step)
        check_at_least("num_steps", num_steps, 1)
        if not 0.0 <= start <= 1.0:
            raise ValueError(
                f"`start` must be a share of `beta`, from 0 to 1, got {start!r}."
            )
        self.num_steps = num_steps
        self.start = start

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        if not hasattr(self.model, "anneal_kl"):
            raise TypeError(
                "`KLAnnealing` needs a `VariationalModel`, whose loss has a KL term, "
                f"got {type(self.model).__name__}."
            )
        self._share = None

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        # Steps done before this one.
        share = self.share_at(self.step)
        if share != self._share:
            self.model.anneal_kl(share)
            self._share = share

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None and self._share is not None:
            logs["kl_weight"] = self._share * self.model.beta

    def share_at(self, step: int) -> float:
        """The share of `beta` at a step."""
        return self.start + (1.0 - self.start) * min(step / self.num_steps, 1.0)
