"""Any function that returns a distribution, as a layer."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfsigmavae.distributions import CoercibleDistribution
from tfsigmavae.distributions.coercible import unwrap
from tfsigmavae.layers.distribution_layer import DistributionLayer
from tfsigmavae.layers.saved_function import function_config, function_from_config
from tfsigmavae.layers.variable_holder import VariableHolder
from tfsigmavae.typing import ConvertToTensor


@keras.saving.register_keras_serializable(package="tfsigmavae")
class DistributionLambda(DistributionLayer):
    """A function from tensors to a distribution, as a layer.

    `tf.Variable`s that the distribution itself holds become weights of the layer, those
    of a `tfp.util.TransformedVariable` too. A Keras layer or variable that the function
    uses does not: set it as an attribute of this layer, or write a `DistributionLayer`.
    The layer warns of what it does not track.

    Args:
        make_distribution_fn: function of the layer's inputs that returns a
            `tfd.Distribution`; it is given `training` and `mask` if it has arguments
            of these names. A registered function is saved by its name. Of a lambda,
            Keras saves the code: such a model loads with `safe_mode=False` only.
        convert_to_tensor_fn: see `DistributionLayer`. Defaults to `"sample"`.

    Call arguments:
        inputs: tensor, or a list or dictionary of them.
        training: bool.
        mask: mask of the inputs.

    Returns:
        The distribution.

    Raises:
        TypeError: if `make_distribution_fn` is no function, or returns no distribution.
        ValueError: on saving, if `make_distribution_fn` is neither registered nor a
            lambda, or a lambda that takes more than numbers from around it.

    Example:
        >>> layer = DistributionLambda(lambda loc: tfd.Normal(loc, 1.0), "mean")
        >>> layer(tf.constant([1.0, 2.0])).numpy()
        array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        make_distribution_fn: Callable[..., Any],
        convert_to_tensor_fn: ConvertToTensor = "sample",
        **kwargs: Any,
    ):
        super().__init__(convert_to_tensor_fn, **kwargs)
        self.make_distribution_fn = function_from_config(make_distribution_fn)
        if not callable(self.make_distribution_fn):
            raise TypeError(
                "`make_distribution_fn` must be a function that returns a "
                f"distribution, got {self.make_distribution_fn!r}."
            )
        arguments = inspect.signature(self.make_distribution_fn).parameters
        self._takes = [name for name in ("training", "mask") if name in arguments]
        self._variables = VariableHolder()
        self._looked_for_untracked = False

    def call(
        self, inputs: Any, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> CoercibleDistribution:
        given = {"training": training, "mask": mask}
        distribution = unwrap(
            self.make_distribution_fn(
                inputs, **{name: given[name] for name in self._takes}
            )
        )
        wrapped = self.coercible(distribution, mask=mask)
        tracked = [weight.value for weight in self.weights]
        self._variables.hold(
            variable
            for variable in distribution.variables
            if not any(variable is other for other in tracked)
        )
        self._warn_of_untracked()
        return wrapped

    def _warn_of_untracked(self):
        if self._looked_for_untracked:
            return
        self._looked_for_untracked = True
        untracked = [
            name
            for name, value in _used_by(self.make_distribution_fn).items()
            if self._misses(value)
        ]
        if untracked:
            warnings.warn(
                f"`make_distribution_fn` of layer '{self.name}' uses {untracked}, "
                "whose variables the layer does not track: unless the model has them "
                "elsewhere, they neither train nor are saved. Set each as an "
                "attribute of the layer before its first call, or let the "
                "distribution hold it (tfp.util.TransformedVariable).",
                stacklevel=2,
            )

    def _misses(self, value):
        """Whether `value` has trainable variables that do not train with the layer."""
        if isinstance(value, tf.Variable):
            return value.trainable and not self._variables.holds(value)
        if isinstance(value, keras.Variable):
            variables = [value] if value.trainable else []
        elif isinstance(value, keras.layers.Layer) and not _is_within(self, value):
            variables = value.trainable_variables
        else:
            return False
        own = {id(variable) for variable in self.variables}
        return any(id(variable) not in own for variable in variables)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "make_distribution_fn": function_config(
                self.make_distribution_fn, "make_distribution_fn"
            ),
        }


def _used_by(function) -> dict:
    """Names and values of what a Python function takes from around it."""
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        return {}
    around = inspect.getclosurevars(function)
    return {**around.globals, **around.nonlocals}


def _is_within(layer, other) -> bool:
    """Whether `layer` is part of `other`, such as the model that it was written in."""
    return any(part is layer for part in other._flatten_layers())
