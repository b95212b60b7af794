"""Sequential networks in a precision of their own."""

import keras


def sequential(input_shape, layers, dtype, name=None):
    """A Sequential model, built at once.

    Args:
        input_shape: shape of an example.
        layers: list of Keras layers, each in its precision.
        dtype: dtype policy. In float64 the model takes its inputs so, too: Keras would
            cast them to its default.
        name: str. Defaults to `None`.
    """
    policy = keras.dtype_policies.get(dtype)
    is_double = policy.compute_dtype == "float64"
    inputs = keras.Input(tuple(input_shape), dtype="float64" if is_double else None)
    model = keras.Sequential([inputs, *layers], name=name)
    if is_double:
        model.dtype_policy = policy
    return model
