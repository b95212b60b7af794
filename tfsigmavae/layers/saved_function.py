"""Functions among the arguments of a layer: what a saved model holds of them."""

import sys
import types
from typing import Any

import keras
import numpy as np


class _Lambda(dict):
    """A lambda as Keras' own `Lambda` layer saves it: its code.

    Clones are made of a configuration in memory; they get the function itself.
    """

    def __init__(self, function):
        stored = keras.layers.Lambda(function).get_config()["function"]
        lost = [type(v).__name__ for v in _held_by(function) if not _is_plain(v)]
        if lost:
            stored = {"class_name": "__lambda__", "config": _Unsaveable(lost)}
        # Keras leaves out the names around a lambda, such as `tf`.
        super().__init__(stored, module=function.__module__)
        self.function = function


class _Unsaveable:
    """Stands in a configuration that can be cloned, and raises when it is saved."""

    def __init__(self, types_lost):
        self.types_lost = types_lost

    def get_config(self):
        raise ValueError(
            f"A lambda that takes {self.types_lost} from the function around it cannot "
            "be saved, only numbers, strings and arrays. Write a named function under "
            '@keras.saving.register_keras_serializable(package="..."), or subclass '
            "`tfsigmavae.layers.DistributionLayer`."
        )


def _held_by(function):
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [*cells, *(function.__defaults__ or ())]


def _is_plain(value):
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    plain = (bool, int, float, str, np.ndarray, np.generic)
    return value is None or isinstance(value, plain)


def function_config(function, argument: str):
    """Gives what Keras stores of `function`: its name, or the code of a lambda.

    Args:
        function: a registered function, a lambda, or an object of a registered class
            that has `get_config`.
        argument: how the error message calls it.

    Raises:
        ValueError: if a loading process could not find the function by its name.
    """
    if getattr(function, "__name__", None) == "<lambda>":
        return _Lambda(function)
    if not _is_found_by_name(function):
        raise ValueError(
            f"`{argument}` cannot be saved or cloned: {function!r} is not registered. "
            'Put it under @keras.saving.register_keras_serializable(package="..."), or '
            "subclass `tfsigmavae.layers.DistributionLayer`."
        )
    return keras.saving.serialize_keras_object(function)


def _is_found_by_name(function) -> bool:
    if not isinstance(function, types.FunctionType):
        return hasattr(function, "get_config")
    name = keras.saving.get_registered_name(function)
    return keras.saving.get_registered_object(name) is function


def function_from_config(function):
    """The opposite of `function_config`; anything but a configuration is left as is.

    Raises:
        ValueError: for a lambda, unless the model is loaded with `safe_mode=False`.
    """
    if isinstance(function, _Lambda):
        return function.function
    if isinstance(function, dict) and function.get("class_name") == "__lambda__":
        return _loaded_lambda(function)
    if isinstance(function, dict):
        return keras.saving.deserialize_keras_object(function)
    return function


def _loaded_lambda(config):
    # Keras leaves arrays and tuples among them as it wrote them.
    held = keras.saving.deserialize_keras_object(
        {name: config["config"].get(name) for name in ("defaults", "closure")}
    )
    held = {name: value and tuple(value) for name, value in held.items()}
    stored = {**config, "config": {**config["config"], **held}}
    try:
        function = keras.layers.Lambda.from_config({"function": stored}).function
    except ValueError as error:
        raise ValueError(
            "A configuration holds the code of a lambda, which could do anything. If "
            "you trust it, load the model with `safe_mode=False`, or, where there is "
            "no file, call `keras.config.enable_unsafe_deserialization()`. Safe is a "
            "named function under @keras.saving.register_keras_serializable."
        ) from error
    around = sys.modules.get(config.get("module"))
    if around is None:
        return function
    return types.FunctionType(
        function.__code__,
        vars(around),
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


def shared_config(thing) -> dict:
    """Gives the configuration of a Keras object that several layers may share.

    Loading then makes one object again. Keras itself marks only the second of two
    equal configurations, and would make two, the weights of one of them missing.
    """
    config: Any = keras.saving.serialize_keras_object(thing)
    return {**config, "shared_object_id": id(thing)}
