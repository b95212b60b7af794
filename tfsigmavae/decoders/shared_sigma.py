"""Gaussian with one sigma learned by gradient descent."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.decoders.decoder import ContinuousDecoder, constant
from tfsigmavae.distributions import CoercibleDistribution


@keras.saving.register_keras_serializable(package="tfsigmavae")
class SharedSigma(ContinuousDecoder):
    """Gaussian decoder with one trainable log sigma for all pixels and images.

    Args:
        initial_sigma: float > 0, where training starts, in image units ([0, 1]).
            Defaults to `1.0`. Adam moves log sigma by at most its learning rate a step,
            so a start near the final error saves thousands of steps.
        learning_rate_factor: float > 0, how many times faster than by the optimizer's
            own rate log sigma moves: the weight is log sigma / factor. Defaults to
            `1.0`; with 10 and Adam at 1e-3 it keeps up with `OptimalSigma`.

    Call arguments:
        params: `[B, ..., C]` float tensor, the mean image.
        target: ignored.

    Returns:
        `tfd.Independent`, batch shape `[B]`, event shape `[..., C]`.

    Raises:
        ValueError: if an argument is not positive.

    Reference: Rybkin et al., 2021, equation 3.
    """

    def __init__(
        self,
        initial_sigma: float = 1.0,
        learning_rate_factor: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0.0 < initial_sigma < math.inf:
            raise ValueError(
                f"`initial_sigma` must be a positive number, got {initial_sigma!r}."
            )
        if not 0.0 < learning_rate_factor < math.inf:
            raise ValueError(
                "`learning_rate_factor` must be a positive number, "
                f"got {learning_rate_factor!r}."
            )
        self.initial_sigma = float(initial_sigma)
        self.learning_rate_factor = float(learning_rate_factor)
        # Made here and not in `build`, so that `sigma` can be read from the start.
        self.scaled_log_sigma = self.add_weight(
            name="scaled_log_sigma",
            shape=(),
            initializer=constant(
                math.log(self.initial_sigma) / self.learning_rate_factor
            ),
        )

    @property
    def sigma(self) -> tf.Tensor:
        scaled = tf.convert_to_tensor(self.scaled_log_sigma)
        return tf.exp(self.learning_rate_factor * scaled)

    def distribution(
        self, params: tf.Tensor, target: tf.Tensor | None, training: bool
    ) -> CoercibleDistribution:
        return self.normal(params, self.sigma)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "initial_sigma": self.initial_sigma,
            "learning_rate_factor": self.learning_rate_factor,
        }
