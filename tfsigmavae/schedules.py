"""Learning rate schedules."""

from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.checks import check_at_least


@keras.saving.register_keras_serializable(package="tfsigmavae")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Constant learning rate, then a straight line down to a fraction of it.

    With `warm_up` the rate first rises: at update k it is multiplied by
    min((k + 1) / warm_up, 1). The first steps of Adam are as long as the rate whatever
    the gradient, since its second moments are of a handful of gradients then.

    Args:
        learning_rate: float > 0, the constant part.
        num_steps: int > 0, where the line ends; the rate stays there afterwards.
        decay_from: float in [0, 1], the share of `num_steps` that is constant. Defaults
            to `0.7`; 1 means no decay.
        final_share: float in [0, 1], end of the line as a share of `learning_rate`.
            Defaults to `0.05`.
        warm_up: int >= 0, updates until the rate has risen to `learning_rate`. Defaults
            to `0`, none.

    Raises:
        ValueError: if an argument is out of range.

    Reference: Goyal et al., 2017, section 2.2; for Adam Liu et al., 2020, section 3.
    """

    def __init__(
        self,
        learning_rate: float,
        num_steps: int,
        decay_from: float = 0.7,
        final_share: float = 0.05,
        warm_up: int = 0,
    ):
        if not learning_rate > 0 or not num_steps > 0:
            raise ValueError(
                "`learning_rate` and `num_steps` must be positive, got "
                f"{learning_rate!r} and {num_steps!r}."
            )
        if not 0 <= decay_from <= 1 or not 0 <= final_share <= 1:
            raise ValueError(
                "`decay_from` and `final_share` must be in [0, 1], got "
                f"{decay_from!r} and {final_share!r}."
            )
        check_at_least("warm_up", warm_up, 0)
        self.learning_rate = learning_rate
        self.num_steps = num_steps
        self.decay_from = decay_from
        self.final_share = final_share
        self.warm_up = warm_up

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        start = self.decay_from * self.num_steps
        length = max(self.num_steps - start, 1.0)
        share = tf.clip_by_value((tf.cast(step, tf.float32) - start) / length, 0.0, 1.0)
        # Without decay the line has no length and must not begin at all.
        share = share if self.decay_from < 1 else tf.zeros_like(share)
        rate = self.learning_rate * (1.0 - (1.0 - self.final_share) * share)
        if not self.warm_up:
            return rate
        return rate * tf.minimum((tf.cast(step, tf.float32) + 1.0) / self.warm_up, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "num_steps": self.num_steps,
            "decay_from": self.decay_from,
            "final_share": self.final_share,
            "warm_up": self.warm_up,
        }


__all__ = [
    "ConstantThenLinear",
]


def __dir__():
    return list(__all__)
