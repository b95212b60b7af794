"""Networks whose features distances compare: FID, FVD and others.

| `get`                   | features                          | distance        |
|-------------------------|-----------------------------------|-----------------|
| `"inception_2015:FILE"` | 2,048 an image, the FID's network | `FID`           |
| `"i3d:FOLDER"`          | 400 a clip, the FVD's network     | `FVD`           |
| `"inception_v3"`,       | 2,048 an image, Keras' weights    | `frechet[NAME]` |
| `"inception_v3:FILE"`   |                                   |                 |
| `"FILE.tflite"`         | of an image                       | `frechet[NAME]` |
| a callable              | of an image or a clip             | `frechet[NAME]` |

No weights come with this package, and none are downloaded.
"""

import os
from collections.abc import Callable
from typing import Any

from tfsigmavae.metrics.extractors.extractor import Extractor
from tfsigmavae.metrics.extractors.function import Function
from tfsigmavae.metrics.extractors.i3d import I3D
from tfsigmavae.metrics.extractors.inception_2015 import Inception2015
from tfsigmavae.metrics.extractors.inception_v3 import InceptionV3
from tfsigmavae.metrics.extractors.tflite import TFLite
from tfsigmavae.typing import PathLike

__all__ = [
    "I3D",
    "Extractor",
    "Function",
    "Inception2015",
    "InceptionV3",
    "TFLite",
    "get",
]

_BY_PREFIX = {
    "i3d": I3D,
    "inception_2015": Inception2015,
    "inception_v3": InceptionV3,
}


def get(
    spec: PathLike | Extractor | Callable[[Any], Any], name: str | None = None
) -> Extractor:
    """Opens an extractor by what names it.

    Args:
        spec: an `Extractor`, which is returned; a callable (see `Function`); or a str
            or path: `"inception_v3"` with the weights in the Keras cache,
            `"inception_v3:PATH"`, `"inception_2015:PATH.pb"`, `"i3d:FOLDER"`,
            `"PATH.tflite"`.
        name: str, for a callable or a `.tflite` file, printed with every distance.
            Defaults to `None`, its own.

    Returns:
        An `Extractor`.

    Raises:
        FileNotFoundError: if a file is not there, saying how to get it.
        ValueError: if a file holds something else, `spec` is none of these, or a `name`
            is given for a network that has its own.

    Example:
        >>> get("mobilenet.tflite", "mobilenet_v1").distance_name
        'frechet[mobilenet_v1]'
    """
    if isinstance(spec, (str, os.PathLike)):
        text = os.fspath(spec)
        if text.endswith(".tflite"):
            return TFLite(text, name)
        prefix, _, path = text.partition(":")
        if prefix not in _BY_PREFIX or not (path or prefix == "inception_v3"):
            raise ValueError(f"Unknown extractor {text!r}. {_CHOICES}")
        _check_no_name(name, prefix)
        return _BY_PREFIX[prefix](path) if path else InceptionV3()
    if isinstance(spec, Extractor):
        _check_no_name(name, spec.name)
        return spec
    if callable(spec):
        return Function(spec, name)
    raise ValueError(f"Unknown extractor {spec!r}. {_CHOICES}")


_CHOICES = (
    "Give 'inception_2015:PATH.pb' (FID), 'i3d:SAVEDMODEL_FOLDER' (FVD), "
    "'inception_v3', 'inception_v3:PATH', 'PATH.tflite', a callable, or an `Extractor`."
)


def _check_no_name(name, own):
    if name is not None:
        raise ValueError(f"`name` is for callables and .tflite files: this is '{own}'.")


def __dir__():
    return list(__all__)
