"""Calibrated decoders: p(x | z) with a variance that is learned or solved for."""

import inspect

import keras

from tfsigmavae.decoders.decoder import Decoder
from tfsigmavae.decoders.fixed_sigma import FixedSigma
from tfsigmavae.decoders.optimal_sigma import OptimalSigma
from tfsigmavae.decoders.shared_sigma import SharedSigma

# One row a decoder: the name that `get`, model arguments and flags understand.
_BY_NAME = {
    "fixed_sigma": FixedSigma,
    "optimal_sigma": OptimalSigma,
    "optimal_sigma_per_channel": lambda: OptimalSigma(scope="channel"),
    "optimal_sigma_per_image": lambda: OptimalSigma(scope="image"),
    "shared_sigma": SharedSigma,
}


def names() -> list[str]:
    """Every decoder name that `get` understands, sorted."""
    return sorted(_BY_NAME)


def get(identifier) -> Decoder:
    """Finds a decoder.

    Args:
        identifier: a name from `names()` (built with that decoder's defaults), a
            `Decoder` (returned as it is), or the configuration of one as made by
            `keras.saving.serialize_keras_object`.

    Returns:
        A `Decoder`.

    Raises:
        ValueError: for an unknown name.
        TypeError: for anything else.
    """
    if isinstance(identifier, Decoder):
        return identifier
    if isinstance(identifier, dict):
        return keras.saving.deserialize_keras_object(identifier)
    if inspect.isclass(identifier) or not isinstance(identifier, str):
        raise TypeError(
            "`decoder` must be a name, a Decoder object or its configuration, "
            f"got {identifier!r}."
        )
    if identifier not in _BY_NAME:
        raise ValueError(
            f"Unknown decoder {identifier!r}. Choose one of: "
            f"{', '.join(names())}, or pass a `Decoder`."
        )
    return _BY_NAME[identifier]()


__all__ = ["Decoder", "FixedSigma", "OptimalSigma", "SharedSigma", "get", "names"]
