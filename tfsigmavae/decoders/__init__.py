"""Calibrated decoders: p(x | z) with a variance that is learned or solved for."""

import functools
import inspect
from typing import Any

import keras

from tfsigmavae.decoders.bernoulli import Bernoulli
from tfsigmavae.decoders.bitwise_categorical import BitwiseCategorical
from tfsigmavae.decoders.categorical import Categorical
from tfsigmavae.decoders.decoder import Decoder
from tfsigmavae.decoders.fixed_sigma import FixedSigma
from tfsigmavae.decoders.logistic_mixture import LogisticMixture
from tfsigmavae.decoders.optimal_sigma import OptimalSigma
from tfsigmavae.decoders.per_image_sigma import PerImageSigma
from tfsigmavae.decoders.per_pixel_sigma import PerPixelSigma
from tfsigmavae.decoders.shared_sigma import SharedSigma
from tfsigmavae.decoders.student_t import StudentT

# One row a decoder: the name that `get`, model arguments and flags understand.
_BY_NAME = {
    "bernoulli": Bernoulli,
    "bitwise_categorical": BitwiseCategorical,
    "categorical": Categorical,
    "fixed_sigma": FixedSigma,
    "logistic_mixture": LogisticMixture,
    "optimal_sigma": OptimalSigma,
    "optimal_sigma_per_channel": functools.partial(OptimalSigma, scope="channel"),
    "optimal_sigma_per_image": functools.partial(OptimalSigma, scope="image"),
    "per_image_sigma": PerImageSigma,
    "per_pixel_sigma": PerPixelSigma,
    "shared_sigma": SharedSigma,
    "student_t": StudentT,
}


def names() -> list[str]:
    """Every decoder name that `get` understands, sorted."""
    return sorted(_BY_NAME)


def get(identifier: str | Decoder | dict[str, Any], **options: Any) -> Decoder:
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
    allowed = option_names(identifier)
    unknown = options.keys() - {*allowed, "name", "dtype"}
    if unknown:
        raise TypeError(
            f"Decoder {identifier!r} has no option {', '.join(sorted(unknown))}. "
            f"It has: {', '.join(allowed)}."
        )
    return _BY_NAME[identifier](**options)


def option_names(name: str) -> list[str]:
    """What `get(name, ...)` may be given, sorted: the decoder's constructor arguments.

    Args:
        name: one of `names()`.
    """
    return sorted(option_defaults(name))


def option_defaults(name: str) -> dict:
    """The defaults of what `get(name, ...)` may be given: name -> value.

    Args:
        name: one of `names()`.
    """
    make = _BY_NAME[name]
    kind = getattr(make, "func", make)
    bases = [base for base in kind.__mro__ if issubclass(base, Decoder)]
    found = {}
    for base in reversed(bases):
        parameters = inspect.signature(base).parameters.values()
        found |= {p.name: p.default for p in parameters if p.kind != p.VAR_KEYWORD}
    found.pop("name", None)
    return found


__all__ = [
    "Bernoulli",
    "BitwiseCategorical",
    "Categorical",
    "Decoder",
    "FixedSigma",
    "LogisticMixture",
    "OptimalSigma",
    "PerImageSigma",
    "PerPixelSigma",
    "SharedSigma",
    "StudentT",
    "get",
    "names",
    "option_defaults",
    "option_names",
]


def __dir__():
    return list(__all__)
