"""Fixed distributions as plain data, for the configuration of a saved model."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def distribution_config(distribution) -> dict:
    """Gives the class and parameters of a distribution of constants.

    Args:
        distribution: a class of `tfp.distributions` whose parameters are numbers,
            arrays, or such distributions themselves.

    Returns:
        Nested dictionaries, lists, numbers and strings, ready for JSON.

    Raises:
        ValueError: for any other distribution, such as one with `tf.Variable`s.
    """
    kind = type(distribution)
    if getattr(tfd, kind.__name__, None) is not kind or distribution.variables:
        raise ValueError(
            f"{distribution} cannot be saved: it is no class of tfp.distributions, or "
            "holds variables. Use a Keras model that ends in a distribution layer, or "
            "a registered function that returns the distribution."
        )
    parameters = {
        name: _plain(value, f"{kind.__name__}(... {name} ...)")
        for name, value in distribution.parameters.items()
    }
    return {"distribution": kind.__name__, "parameters": parameters}


def _plain(value, where):
    if isinstance(value, tfd.Distribution):
        return distribution_config(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, where) for item in value]
    if isinstance(value, tf.DType):
        return {"dtype": value.name}
    if isinstance(value, (tf.Tensor, np.ndarray, np.generic)):
        array = np.asarray(value)
        return {"value": array.tolist(), "dtype": array.dtype.name}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ValueError(
        f"{where}, a {type(value).__name__}, cannot be saved: numbers, arrays and "
        "distributions can. Use a registered function that returns the distribution."
    )


def distribution_from_config(config: dict):
    """The opposite of `distribution_config`.

    Raises:
        ValueError: if the class is none of `tfp.distributions`.
    """
    kind = getattr(tfd, config["distribution"], None)
    if not (isinstance(kind, type) and issubclass(kind, tfd.Distribution)):
        raise ValueError(
            f"tfp.distributions has no distribution {config['distribution']!r}."
        )
    return kind(**{name: _value(v) for name, v in config["parameters"].items()})


def _value(plain):
    if isinstance(plain, list):
        return [_value(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if "distribution" in plain:
        return distribution_from_config(plain)
    if "value" not in plain:
        return tf.as_dtype(plain["dtype"])
    return tf.constant(plain["value"], plain["dtype"])
