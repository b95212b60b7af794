"""Base of every layer that returns a distribution."""

import contextvars
from typing import Any

import keras
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.layers.kl_divergence import KLDivergenceRegularizer
from tfsigmavae.layers.parameters import as_keras_loss, likelihood_dtype
from tfsigmavae.layers.saved_function import (
    function_config,
    function_from_config,
    shared_config,
)
from tfsigmavae.layers.symbolic_distribution import symbolic_distribution
from tfsigmavae.masks import joint_mask, mask_of
from tfsigmavae.typing import ConvertToTensor, Distribution, DType, Shape

tfd = tfp.distributions

_METHODS = ("sample", "mean", "mode", "stddev", "variance")
_CONVERSIONS = (*_METHODS, "logits")

# Of the call in progress, and not of the layer: replicas of a strategy call one layer
# in threads of their own.
_MASK = contextvars.ContextVar("mask", default=None)


class DistributionLayer(keras.layers.Layer):
    """A Keras layer whose output is a distribution and, where needed, a tensor.

    A subclass writes a `call` that passes a `tfd.Distribution` through
    `self.coercible`. The output then works in functional, Sequential and subclassed
    models: `model(x)` has `log_prob`, `sample` and `mean`; the next layer and `predict`
    see a tensor.

    Parameters are float64 where the dtype policy computes in float64, and float32
    everywhere else, also under mixed precision: likelihoods of thousands of pixels do
    not survive 8 bits of mantissa.

    The mask of the input becomes that of the output: a padded step enters neither
    `NegativeLogLikelihood` nor a KL divergence.

    Args:
        convert_to_tensor_fn: which tensor stands for the distribution: `"sample"`,
            `"mean"`, `"mode"`, `"stddev"`, `"variance"` or `"logits"`, the method or
            property of that name (`tfd.Distribution.mean`, `tfd.Bernoulli.logits`), or
            a function of the distribution. A model with a function can be saved if it
            is registered with `keras.saving.register_keras_serializable`, or a lambda,
            see `DistributionLambda`. Defaults to `"sample"`.
        activity_regularizer: Keras regularizer of the output, such as
            `KLDivergenceRegularizer`. Defaults to `None`.
        dtype: dtype, name or policy, see above. Defaults to `None`, Keras' own default.
        **kwargs: `name` of the layer.

    Raises:
        ValueError: if `convert_to_tensor_fn` is an unknown name; on saving, if it is a
            function that is neither registered nor a lambda.
    """

    def __init__(
        self,
        convert_to_tensor_fn: ConvertToTensor = "sample",
        dtype: DType | None = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ):
        regularizer = keras.regularizers.get(activity_regularizer)
        is_kl = isinstance(regularizer, KLDivergenceRegularizer)
        super().__init__(
            dtype=likelihood_dtype(dtype),
            activity_regularizer=None if is_kl else regularizer,
            **kwargs,
        )
        self.convert_to_tensor_fn = _conversion(convert_to_tensor_fn)
        # Not left to Keras: it does not track a regularizer's variables, and divides
        # by the length of the output's first axis (3.15), be it one of samples, or by
        # nothing (3.12).
        self.kl_regularizer = regularizer if is_kl else None
        self._kl_variables = regularizer.holder if is_kl else None
        self.supports_masking = True

    # A distribution, or a KerasTensor in a functional model: type checkers cannot tell
    # which, for Keras says of no layer what it returns.
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Keras gives the output its mask only after `call`: too late for the KL, and a
        # `call` need not take the mask.
        first = args[0] if args else next(iter(kwargs.values()), None)
        mask = kwargs.get("mask")
        if mask is None:
            mask = keras.tree.map_structure(mask_of, first)
        mask = joint_mask(mask)
        if mask is not None:
            mask = self.compute_mask(first, mask)
        token = _MASK.set(None if isinstance(mask, keras.KerasTensor) else mask)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            _MASK.reset(token)

    def coercible(
        self,
        distribution: Distribution | CoercibleDistribution,
        kind: type = CoercibleDistribution,
        mask: Any = None,
    ) -> CoercibleDistribution:
        """Gives the output of a layer: the distribution that is a tensor as well.

        Args:
            distribution: a `tfd.Distribution`.
            kind: class to wrap it in. Defaults to `CoercibleDistribution`.
            mask: mask of the inputs, where `call` was given it. Defaults to `None`,
                that of the layer's first argument.
        """
        wrapped = kind(distribution, self._to_tensor)
        mask = _MASK.get() if mask is None else joint_mask(mask)
        if mask is not None:
            wrapped._keras_mask = mask
        if self.kl_regularizer is not None:
            self.add_loss(as_keras_loss(self.kl_regularizer(wrapped)))
        return wrapped

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return joint_mask(previous_mask)

    def _to_tensor(self, distribution):
        convert = self.convert_to_tensor_fn
        if convert == "logits":
            while isinstance(distribution, tfd.Independent):
                distribution = distribution.distribution
            return distribution.logits
        if isinstance(convert, str):
            return getattr(distribution, convert)()
        return convert(distribution)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        # That of Layer would ask compute_output_shape, which asks this one.
        spec = keras.Operation.compute_output_spec(self, *args, **kwargs)
        return symbolic_distribution(spec)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        inputs = keras.KerasTensor(input_shape, dtype=self.compute_dtype)
        return self.compute_output_spec(inputs).shape

    def get_config(self) -> dict[str, Any]:
        convert = self.convert_to_tensor_fn
        if not isinstance(convert, str):
            convert = function_config(convert, "convert_to_tensor_fn")
        config = {**super().get_config(), "convert_to_tensor_fn": convert}
        if self.kl_regularizer is not None:
            config["activity_regularizer"] = shared_config(self.kl_regularizer)
        return config


def _conversion(convert: Any):
    """Gives a name from `_CONVERSIONS`, or a function."""
    convert = function_from_config(convert)
    for name in _METHODS:
        if convert == getattr(tfd.Distribution, name):
            return name
    if isinstance(convert, property):
        convert = (
            "logits"
            if getattr(convert.fget, "__name__", None) == "logits"
            else convert.fget
        )
    if convert not in _CONVERSIONS and not callable(convert):
        raise ValueError(
            f"`convert_to_tensor_fn` must be one of {_CONVERSIONS} or a function "
            f"of the distribution, got {convert!r}."
        )
    return convert
