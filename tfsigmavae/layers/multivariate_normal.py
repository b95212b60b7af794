"""Gaussian over a vector with a full covariance."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers.parameters import check_size, to_size
from tfsigmavae.layers.parametric_layer import ParametricLayer
from tfsigmavae.typing import Array, ConvertToTensor, Distribution

tfd = tfp.distributions

# Added to the diagonal of the scale: far down, a softplus is exactly 0 in float32.
_DIAGONAL_SHIFT = 1e-5


@keras.saving.register_keras_serializable(package="tfsigmavae")
class MultivariateNormalTriL(ParametricLayer):
    """Gaussian over a vector, from its mean and the lower triangle of its scale.

    loc, raw = params[:d], params[d:]
    scale_tril = fill_triangular(raw), with softplus(diagonal) + 1e-5 on the diagonal
    covariance = scale_tril @ scale_tril.T

    Args:
        event_size: int > 0, number of dimensions d.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., d + d * (d + 1) / 2]` float tensor.

    Returns:
        `tfd.MultivariateNormalTriL`, batch shape `[...]`, event shape `[d]`.

    Raises:
        ValueError: if `event_size` is not positive, or the last axis is not
            `params_size`.

    Example:
        >>> size = MultivariateNormalTriL.params_size(8)
        >>> posterior = MultivariateNormalTriL(8)(tf.zeros([4, size]))
        >>> posterior.shape, posterior.log_prob(posterior).shape
        (TensorShape([4, 8]), TensorShape([4]))
    """

    def __init__(
        self,
        event_size: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = to_size(event_size, "event_size")
        self.validate_args = bool(validate_args)

    @staticmethod
    def new(
        params: Array,
        event_size: int,
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        params = tf.convert_to_tensor(params)
        event_size = to_size(event_size, "event_size")
        params = check_size(params, MultivariateNormalTriL.params_size(event_size))
        fill_scale_tril = tfp.bijectors.FillScaleTriL(
            diag_shift=tf.constant(_DIAGONAL_SHIFT, params.dtype),
            validate_args=validate_args,
        )
        return tfd.MultivariateNormalTriL(
            loc=params[..., :event_size],  # pyright: ignore[reportArgumentType]
            scale_tril=fill_scale_tril(params[..., event_size:]),  # pyright: ignore[reportArgumentType]
            validate_args=validate_args,
            name=name or "MultivariateNormalTriL",
        )

    @staticmethod
    def params_size(event_size: int, name: str | None = None) -> int:
        event_size = to_size(event_size, "event_size")
        return event_size + event_size * (event_size + 1) // 2

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(params, self.event_size, self.validate_args)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "validate_args": self.validate_args,
        }
