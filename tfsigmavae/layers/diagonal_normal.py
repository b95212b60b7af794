"""Diagonal Gaussian over a vector: posteriors and priors of VAEs."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers.distribution_layer import DistributionLayer

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class DiagonalNormal(DistributionLayer):
    """Diagonal Gaussian whose mean and log variance are the two halves of its input.

    loc, log_variance = split(inputs, 2); scale = exp(log_variance / 2)

    Args:
        event_size: int > 0, number of dimensions K.
        log_variance_range: pair of floats. The log variance is clipped to this range,
            so that a wild step cannot overflow the exponential; scales from 4.5e-5 to
            148 by default, far beyond what a trained VAE uses. Defaults to `(-20, 10)`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.

    Call arguments:
        inputs: `[..., 2 * K]` float tensor.

    Returns:
        `tfd.Independent` of `tfd.Normal`, batch shape `[...]`, event shape `[K]`.

    Raises:
        ValueError: if `event_size` is not positive, the range is empty, or the last
            axis of the input is not `2 * event_size`.

    Example:
        >>> posterior = DiagonalNormal(8)(tf.zeros([4, 16]))
        >>> posterior.shape, posterior.log_prob(posterior).shape
        (TensorShape([4, 8]), TensorShape([4]))

    Reference: Kingma & Welling, 2014, appendix C.2.
    """

    def __init__(
        self,
        event_size: int,
        log_variance_range: tuple[float, float] = (-20.0, 10.0),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not event_size > 0:
            raise ValueError(f"`event_size` must be positive, got {event_size!r}.")
        low, high = log_variance_range
        if not low < high:
            raise ValueError(
                "`log_variance_range` must be (low, high) with low < high, "
                f"got {log_variance_range!r}."
            )
        self.event_size = int(event_size)
        self.log_variance_range = (float(low), float(high))

    @staticmethod
    def params_size(event_size: int) -> int:
        """How many channels the layer before must have: mean and log variance."""
        return 2 * event_size

    def call(
        self, inputs: tf.Tensor, mask: tf.Tensor | None = None
    ) -> CoercibleDistribution:
        if inputs.shape[-1] != self.params_size(self.event_size):
            raise ValueError(
                f"`inputs` must have {self.params_size(self.event_size)} channels "
                f"(mean and log variance of {self.event_size}), got {inputs.shape[-1]}."
            )
        loc, log_variance = tf.split(inputs, 2, axis=-1)
        scale = tf.exp(0.5 * tf.clip_by_value(log_variance, *self.log_variance_range))
        return self.coercible(tfd.Independent(tfd.Normal(loc, scale), 1), mask=mask)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "log_variance_range": self.log_variance_range,
        }
