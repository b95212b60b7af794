"""Mixtures whose components are of one family."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.layers.independent import IndependentLogistic, IndependentNormal
from tfsigmavae.layers.parameters import check_size, to_shape, to_size
from tfsigmavae.layers.parametric_layer import ParametricLayer
from tfsigmavae.layers.saved_function import function_config, function_from_config
from tfsigmavae.typing import Array, ConvertToTensor, Distribution

pass


tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfsigmavae")
class MixtureSameFamily(ParametricLayer):
    """Mixture of `num_components` distributions that another layer makes.

    p(y) = sum over i of softmax(params[:k])[i] * component_i(y)

    Args:
        num_components: int > 0, number of components k.
        component_layer: distribution layer, or function from `[..., k, c]` parameters
            to a `tfd.Distribution` with batch shape `[..., k]`; c is its `params_size`.
            Layers and registered functions can be saved.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., k * (1 + c)]` float tensor: k logits, then the parameters of
            each component.

    Returns:
        `tfd.MixtureSameFamily`, batch shape `[...]`.

    Raises:
        ValueError: if `num_components` is not positive, or the last axis not a
            multiple of it.
        TypeError: if `component_layer` cannot be called.

    Example:
        >>> component = IndependentNormal([2])
        >>> size = MixtureSameFamily.params_size(5, component.params_size([2]))
        >>> MixtureSameFamily(5, component)(tf.zeros([4, size])).shape
        TensorShape([4, 2])
    """

    def __init__(
        self,
        num_components: int,
        component_layer: Callable[[Any], Any],
        convert_to_tensor_fn: ConvertToTensor = "sample",
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_components = to_size(num_components, "num_components")
        self.component_layer = function_from_config(component_layer)
        if not callable(self.component_layer):
            raise TypeError(
                "`component_layer` must be a layer or a function that returns a "
                f"distribution, got {component_layer!r}."
            )
        self.validate_args = bool(validate_args)

    @staticmethod
    def new(
        params: Array,
        num_components: int,
        component_layer: Callable[[Any], Any],
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        params = tf.convert_to_tensor(params)
        num_components = to_size(num_components, "num_components")
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=params[..., :num_components]),  # pyright: ignore[reportArgumentType]
            unwrap(component_layer(_component_params(params, num_components))),
            validate_args=validate_args,
            name=name or "MixtureSameFamily",
        )

    @staticmethod
    def params_size(
        num_components: int, component_params_size: int, name: str | None = None
    ) -> int:
        return to_size(num_components, "num_components") * (
            1 + to_size(component_params_size, "component_params_size")
        )

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(
            params, self.num_components, self.component_layer, self.validate_args
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "component_layer": function_config(self.component_layer, "component_layer"),
            "validate_args": self.validate_args,
        }


def _component_params(params, num_components):
    """`[..., k + k * c]` -> `[..., k, c]`."""
    rest = params[..., num_components:]
    size = -1
    if rest.shape.rank is not None and rest.shape[-1] is not None:
        size, left_over = divmod(rest.shape[-1], num_components)
        if left_over or not size:
            raise ValueError(
                "The last axis of the parameters must be a multiple of "
                f"`num_components`, {num_components}, and above it, got shape "
                f"{params.shape}."
            )
    leading = tf.shape(rest)[:-1]
    return tf.reshape(rest, tf.concat([leading, [num_components, size]], 0))


class _MixtureOf(ParametricLayer):
    """What the mixtures of `IndependentNormal` and `IndependentLogistic` share."""

    def __init__(
        self,
        num_components: int,
        event_shape: int | Sequence[int] = (),
        convert_to_tensor_fn: ConvertToTensor = "sample",
        validate_args: bool = False,
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.num_components = to_size(num_components, "num_components")
        self.event_shape = to_shape(event_shape)
        self.validate_args = bool(validate_args)

    def make_distribution_fn(self, params: tf.Tensor) -> Distribution:
        return self.new(
            params, self.num_components, self.event_shape, self.validate_args
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "event_shape": self.event_shape,
            "validate_args": self.validate_args,
        }


@keras.saving.register_keras_serializable(package="tfsigmavae")
class MixtureNormal(_MixtureOf):
    """Mixture of Gaussians with independent dimensions: a mixture density network.

    p(y) = sum over i of softmax(params[:k])[i] * Normal(y; loc_i, softplus(raw_i))

    Args:
        num_components: int > 0, number of components k.
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., k * (1 + 2 * prod(event_shape))]` float tensor: k logits, then
            the parameters of each component, as `IndependentNormal` takes them.

    Returns:
        `tfd.MixtureSameFamily`, batch shape `[...]`, event shape `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.

    Reference: Bishop, Mixture density networks, 1994.
    """

    @staticmethod
    def new(
        params: Array,
        num_components: int,
        event_shape: int | Sequence[int] = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        return _mixture(
            IndependentNormal, params, num_components, event_shape, validate_args, name
        )

    @staticmethod
    def params_size(
        num_components: int,
        event_shape: int | Sequence[int] = (),
        name: str | None = None,
    ) -> int:
        return MixtureSameFamily.params_size(
            num_components, IndependentNormal.params_size(event_shape)
        )


@keras.saving.register_keras_serializable(package="tfsigmavae")
class MixtureLogistic(_MixtureOf):
    """Mixture of logistic distributions with independent dimensions.

    p(y) = sum over i of softmax(params[:k])[i] * Logistic(y; loc_i, softplus(raw_i))

    Args:
        num_components: int > 0, number of components k.
        event_shape: int, or ints > 0, shape of one draw. Defaults to `()`.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.
        validate_args: bool, whether TFP checks parameters and values at run time.
            Defaults to `False`.

    Call arguments:
        params: `[..., k * (1 + 2 * prod(event_shape))]` float tensor: k logits, then
            the parameters of each component, as `IndependentLogistic` takes them.

    Returns:
        `tfd.MixtureSameFamily`, batch shape `[...]`, event shape `event_shape`.

    Raises:
        ValueError: if a size is not positive, or the last axis is not `params_size`.
    """

    @staticmethod
    def new(
        params: Array,
        num_components: int,
        event_shape: int | Sequence[int] = (),
        validate_args: bool = False,
        name: str | None = None,
    ) -> Distribution:
        return _mixture(
            IndependentLogistic,
            params,
            num_components,
            event_shape,
            validate_args,
            name,
        )

    @staticmethod
    def params_size(
        num_components: int,
        event_shape: int | Sequence[int] = (),
        name: str | None = None,
    ) -> int:
        return MixtureSameFamily.params_size(
            num_components, IndependentLogistic.params_size(event_shape)
        )


def _mixture(kind, params, num_components, event_shape, validate_args, name):
    component_size = kind.params_size(event_shape)
    size = MixtureSameFamily.params_size(num_components, component_size)
    params = check_size(tf.convert_to_tensor(params), size)
    return MixtureSameFamily.new(
        params,
        num_components,
        lambda component_params: kind.new(component_params, event_shape, validate_args),
        validate_args,
        name,
    )
