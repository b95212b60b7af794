"""Base of every layer that returns a distribution."""

import keras
import tensorflow_probability as tfp

from tfsigmavae.distributions import CoercibleDistribution

tfd = tfp.distributions

_CONVERSIONS = ("sample", "mean", "mode", "stddev", "variance")


class DistributionLayer(keras.layers.Layer):
    """A Keras layer whose output is a distribution and, where needed, a tensor.

    A subclass writes `distribution(...)`, which returns a `tfd.Distribution`, and a
    `call` that passes its result through `self.coercible`. The output then works in
    functional, Sequential and subclassed models: `model(x)` has `log_prob`, `sample`
    and `mean`; the next layer and `predict` see a tensor.

    Distribution parameters are always float32, also under mixed precision: likelihoods
    of thousands of pixels do not survive 8 bits of mantissa.

    Args:
        convert_to_tensor_fn: which tensor stands for the distribution: `"sample"`,
            `"mean"`, `"mode"`, `"stddev"` or `"variance"`, or a function of the
            distribution registered with `keras.saving.register_keras_serializable`.
            Defaults to `"sample"`.

    Raises:
        ValueError: if `convert_to_tensor_fn` is an unknown name, or if a dtype other
            than float32 is asked for.
    """

    def __init__(self, convert_to_tensor_fn="sample", dtype=None, **kwargs):
        if keras.dtype_policies.get(dtype or "float32").compute_dtype != "float32":
            raise ValueError(
                f"A distribution layer computes in float32 only, got `dtype` {dtype!r}."
            )
        super().__init__(dtype="float32", **kwargs)
        self.convert_to_tensor_fn = _conversion(convert_to_tensor_fn)

    def coercible(self, distribution, kind=CoercibleDistribution):
        convert = self.convert_to_tensor_fn
        if isinstance(convert, str):
            return kind(distribution, lambda d: getattr(d, convert)())
        return kind(distribution, convert)

    def get_config(self):
        convert = self.convert_to_tensor_fn
        if not isinstance(convert, str):
            convert = keras.saving.serialize_keras_object(convert)
        return {**super().get_config(), "convert_to_tensor_fn": convert}


def _conversion(convert):
    """Gives a name from `_CONVERSIONS` or a function that Keras can serialise."""
    if isinstance(convert, dict):
        convert = keras.saving.deserialize_keras_object(convert)
    for name in _CONVERSIONS:
        if convert in (name, getattr(tfd.Distribution, name)):
            return name
    if not callable(convert):
        raise ValueError(
            f"`convert_to_tensor_fn` must be one of {_CONVERSIONS} or a function "
            f"registered with Keras, got {convert!r}."
        )
    return convert
