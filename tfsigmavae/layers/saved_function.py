"""Functions among the arguments of a layer: what a saved model holds of them."""

import types

import keras


def function_config(function, argument: str):
    """Gives what Keras stores of `function`: the name that it is registered under.

    Args:
        function: a registered function, or an object of a registered class that has
            `get_config`.
        argument: how the error message calls it.

    Raises:
        ValueError: if a loading process could not find the function by its name. What
            is left is to pickle its code, which safe loading refuses.
    """
    if not _is_found_by_name(function):
        raise ValueError(
            f"`{argument}` cannot be saved: {function!r} is a lambda or is not "
            "registered, and its code is not pickled. Write it as a named function "
            'under @keras.saving.register_keras_serializable(package="..."), or '
            "subclass `tfsigmavae.layers.DistributionLayer`."
        )
    return keras.saving.serialize_keras_object(function)


def _is_found_by_name(function) -> bool:
    if not isinstance(function, types.FunctionType):
        return hasattr(function, "get_config")
    name = keras.saving.get_registered_name(function)
    found = keras.saving.get_registered_object(name)
    return found is function and function.__name__ != "<lambda>"


def function_from_config(function):
    """The opposite of `function_config`; anything but a configuration is left as is."""
    if isinstance(function, dict):
        return keras.saving.deserialize_keras_object(function)
    return function


def shared_config(thing) -> dict:
    """Gives the configuration of a Keras object that several layers may share.

    Loading then makes one object again. Keras itself marks only the second of two
    equal configurations, and would make two, the weights of one of them missing.
    """
    config = keras.saving.serialize_keras_object(thing)
    return {**config, "shared_object_id": id(thing)}
