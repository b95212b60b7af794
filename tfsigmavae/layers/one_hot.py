"""Categories as one-hot vectors, and mixtures of them."""

import functools
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers.mixture import MixtureSameFamily
from tfsigmavae.layers.parameters import check_size, dtype_name, to_size
from tfsigmavae.layers.parametric_layer import ParametricLayer
from tfsigmavae.typing import Array, ConvertToTensor, Distribution, DType

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class OneHotCategorical(ParametricLayer):
    """One of d categories as a one-hot vector, from logits.

    Args:
        event_size: int > 0, number of categories d.
        convert_to_tensor_fn: see `DistributionLayer`; `"mean"` gives the probabilities.
            Defaults to `"sample"`.
        sample_dtype: dtype of samples, or `None`: that of the parameters. Defaults to
            `None`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., d]` float tensor, logits.

    Returns:
        `tfd.OneHotCategorical`, batch shape `[...]`, event shape `[d]`.

    Raises:
        ValueError: if `event_size` is not positive, or the last axis is not it.
    """

    def __init__(
        self,
        event_size: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        sample_dtype: DType | None = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = to_size(event_size, "event_size")
        self.sample_dtype = dtype_name(sample_dtype)
        self.validate_args = bool(validate_args)

    @staticmethod
    def new(
        params: Array,
        event_size: int,
        dtype: DType | None = None,
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        params = tf.convert_to_tensor(params)
        params = check_size(params, to_size(event_size, "event_size"))
        return tfd.OneHotCategorical(
            logits=params,
            dtype=dtype or params.dtype,
            validate_args=validate_args,
            name=name or "OneHotCategorical",
        )

    @staticmethod
    def params_size(event_size: int, name: str | None = None) -> int:
        return to_size(event_size, "event_size")

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(params, self.event_size, self.sample_dtype, self.validate_args)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "sample_dtype": self.sample_dtype,
            "validate_args": self.validate_args,
        }


@keras.saving.register_keras_serializable(package="tfsigmavae")
class CategoricalMixtureOfOneHotCategorical(ParametricLayer):
    """Mixture of k distributions over d categories, as one-hot vectors.

    probabilities = sum over i of softmax(params[:k])[i] * softmax(logits_i)

    The distribution's `mean()` gives these probabilities and its `log_mean()` their
    logarithm.

    Args:
        event_size: int > 0, number of categories d.
        num_components: int > 0, number of components k.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        sample_dtype: dtype of samples, or `None`: that of the parameters. Defaults to
            `None`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., k * (1 + d)]` float tensor: k logits of the components, then d
            logits for each.

    Returns:
        `tfd.MixtureSameFamily`, batch shape `[...]`, event shape `[d]`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.
    """

    def __init__(
        self,
        event_size: int,
        num_components: int,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        sample_dtype: DType | None = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_size = to_size(event_size, "event_size")
        self.num_components = to_size(num_components, "num_components")
        self.sample_dtype = dtype_name(sample_dtype)
        self.validate_args = bool(validate_args)

    @staticmethod
    def new(
        params: Array,
        event_size: int,
        num_components: int,
        dtype: DType | None = None,
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        params = tf.convert_to_tensor(params)
        kind = CategoricalMixtureOfOneHotCategorical
        params = check_size(params, kind.params_size(event_size, num_components))
        mixture = MixtureSameFamily.new(
            params,
            num_components,
            lambda logits: OneHotCategorical.new(logits, event_size, dtype),
            validate_args,
            name or "CategoricalMixtureOfOneHotCategorical",
        )
        mixture.log_mean = functools.partial(_log_mean, mixture)
        return mixture

    @staticmethod
    def params_size(
        event_size: int, num_components: int, name: str | None = None
    ) -> int:
        return MixtureSameFamily.params_size(
            num_components, OneHotCategorical.params_size(event_size)
        )

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(
            params,
            self.event_size,
            self.num_components,
            self.sample_dtype,
            self.validate_args,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "event_size": self.event_size,
            "num_components": self.num_components,
            "sample_dtype": self.sample_dtype,
            "validate_args": self.validate_args,
        }


def _log_mean(mixture):
    log_weights = tf.nn.log_softmax(mixture.mixture_distribution.logits)
    log_probs = tf.nn.log_softmax(mixture.components_distribution.logits)
    return tf.reduce_logsumexp(log_weights[..., tf.newaxis] + log_probs, axis=-2)
