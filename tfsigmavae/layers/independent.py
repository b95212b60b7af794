"""Layers of independent scalars: Normal, logistic, Bernoulli and Poisson."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.layers.parameters import (
    check_size,
    dtype_name,
    reshape_last_axis,
    to_shape,
)
from tfsigmavae.layers.parametric_layer import ParametricLayer
from tfsigmavae.typing import Array, ConvertToTensor, Distribution, DType

tfd = tfp.distributions


class _Independent(ParametricLayer):
    """What the four layers share: an event shape, and `call` by the static `new`."""

    def __init__(
        self,
        event_shape: int | Sequence[int] = (),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.event_shape = to_shape(event_shape)
        self.validate_args = bool(validate_args)

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(params, self.event_shape, validate_args=self.validate_args)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "validate_args": self.validate_args,
        }


@keras.saving.register_keras_serializable(package="tfsigmavae")
class IndependentNormal(_Independent):
    """Gaussian of an event of any shape, from its means and raw scales.

    loc, raw = split(params, 2); scale = softplus(raw)

    Args:
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., 2 * prod(event_shape)]` float tensor.

    Returns:
        `tfd.Independent` of `tfd.Normal`, batch shape `[...]`, event shape
        `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.

    Example:
        >>> size = IndependentNormal.params_size([8, 8, 3])
        >>> images = IndependentNormal([8, 8, 3], "mean")(tf.zeros([4, size]))
        >>> images.shape, images.log_prob(images).shape
        (TensorShape([4, 8, 8, 3]), TensorShape([4]))
    """

    @staticmethod
    def new(
        params: Array,
        event_shape: int | Sequence[int] = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        return _loc_scale(tfd.Normal, params, event_shape, validate_args, name)

    @staticmethod
    def params_size(
        event_shape: int | Sequence[int] = (), name: str | None = None
    ) -> int:
        return 2 * math.prod(to_shape(event_shape))


@keras.saving.register_keras_serializable(package="tfsigmavae")
class IndependentLogistic(_Independent):
    """Logistic distribution of an event of any shape, from means and raw scales.

    loc, raw = split(params, 2); scale = softplus(raw)

    Args:
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., 2 * prod(event_shape)]` float tensor.

    Returns:
        `tfd.Independent` of `tfd.Logistic`, batch shape `[...]`, event shape
        `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.
    """

    @staticmethod
    def new(
        params: Array,
        event_shape: int | Sequence[int] = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        return _loc_scale(tfd.Logistic, params, event_shape, validate_args, name)

    @staticmethod
    def params_size(
        event_shape: int | Sequence[int] = (), name: str | None = None
    ) -> int:
        return 2 * math.prod(to_shape(event_shape))


@keras.saving.register_keras_serializable(package="tfsigmavae")
class IndependentPoisson(_Independent):
    """Poisson distribution of an event of any shape, from log rates.

    Args:
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., prod(event_shape)]` float tensor, log rates.

    Returns:
        `tfd.Independent` of `tfd.Poisson`, batch shape `[...]`, event shape
        `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.
    """

    @staticmethod
    def new(
        params: Array,
        event_shape: int | Sequence[int] = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        (log_rate,) = _split(params, 1, event_shape)
        poisson = tfd.Poisson(log_rate=log_rate, validate_args=validate_args)
        return _independent(poisson, event_shape, validate_args, name)

    @staticmethod
    def params_size(
        event_shape: int | Sequence[int] = (), name: str | None = None
    ) -> int:
        return math.prod(to_shape(event_shape))


@keras.saving.register_keras_serializable(package="tfsigmavae")
class IndependentBernoulli(_Independent):
    """Bernoulli distribution of an event of any shape, from logits.

    Args:
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`; `tfd.Bernoulli.logits` gives the
            logits in the event's shape. Defaults to `"sample"`.
        sample_dtype: dtype of samples, or `None`: that of the parameters. Defaults to
            `None`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., prod(event_shape)]` float tensor, logits.

    Returns:
        `tfd.Independent` of `tfd.Bernoulli`, batch shape `[...]`, event shape
        `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.
    """

    def __init__(
        self,
        event_shape: int | Sequence[int] = (),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        sample_dtype: DType | None = None,
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(event_shape, convert_to_tensor_fn, validate_args, **kwargs)
        self.sample_dtype = dtype_name(sample_dtype)

    @staticmethod
    def new(
        params: Array,
        event_shape: int | Sequence[int] = (),
        dtype: DType | None = None,
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        (logits,) = _split(params, 1, event_shape)
        bernoulli = tfd.Bernoulli(
            logits=logits, dtype=dtype or logits.dtype, validate_args=validate_args
        )
        return _independent(bernoulli, event_shape, validate_args, name)

    @staticmethod
    def params_size(
        event_shape: int | Sequence[int] = (), name: str | None = None
    ) -> int:
        return math.prod(to_shape(event_shape))

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(params, self.event_shape, self.sample_dtype, self.validate_args)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sample_dtype": self.sample_dtype}


def _split(params, parts, event_shape):
    """`[..., parts * prod(event_shape)]` -> parts, each `[..., *event_shape]`."""
    params = tf.convert_to_tensor(params)
    event_shape = to_shape(event_shape)
    params = check_size(params, parts * math.prod(event_shape))
    return [
        reshape_last_axis(part, event_shape)
        for part in tf.split(params, parts, axis=-1)
    ]


def _loc_scale(kind, params, event_shape, validate_args, name):
    loc, raw_scale = _split(params, 2, event_shape)
    scalars = kind(loc, tf.math.softplus(raw_scale), validate_args=validate_args)
    return _independent(scalars, event_shape, validate_args, name)


def _independent(scalars, event_shape, validate_args, name):
    return tfd.Independent(
        scalars,
        reinterpreted_batch_ndims=len(to_shape(event_shape)),
        validate_args=validate_args,
        name=name,
    )
