"""Calibrated decoders: p(x | z) with a variance that is learned or solved for."""

import functools
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
    "optimal_sigma_per_channel": functools.partial(OptimalSigma, scope="channel"),
    "optimal_sigma_per_image": functools.partial(OptimalSigma, scope="image"),
    "shared_sigma": SharedSigma,
}


def names() -> list[str]:
    """Every decoder name that `get` understands, sorted."""
    return sorted(_BY_NAME)


def get(identifier, **options) -> Decoder:
    """Finds a decoder.

    Args:
        identifier: a name from `names()`, a `Decoder` (returned as it is), or the
            configuration of one as made by `keras.saving.serialize_keras_object`.
        **options: constructor arguments, with a name only. Default to the decoder's.

    Returns:
        A `Decoder`.

    Raises:
        ValueError: for an unknown name.
        TypeError: for anything else, or for an option that the decoder does not take.
    """
    if options and not isinstance(identifier, str):
        raise TypeError(
            f"Options {sorted(options)} go with the name of a decoder only."
        )
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
    make = _BY_NAME[identifier]
    unknown = options.keys() - inspect.signature(make).parameters.keys()
    if unknown:
        raise TypeError(f"Decoder {identifier!r} has no option {sorted(unknown)}.")
    return make(**options)


__all__ = ["Decoder", "FixedSigma", "OptimalSigma", "SharedSigma", "get", "names"]
