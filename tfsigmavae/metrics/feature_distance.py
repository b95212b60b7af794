"""Distance of single frames in the features of a network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfsigmavae.math import to_tensor
from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import Extractor
from tfsigmavae.metrics.psnr import check_frame_pair
from tfsigmavae.typing import Array, PathLike


def feature_distance(
    extractor: PathLike | Extractor | Callable[[Any], Any],
    images: Array,
    references: Array,
) -> np.ndarray:
    """Squared distance of unit-length features, one figure per frame.

        |f / |f| - g / |g||**2 = 2 - 2 cos(f, g),    f, g the features of the two frames

    It is like LPIPS in kind, in that it looks at what a network sees of the frames, and
    not in its numbers, which are those of several layers of a network fitted to
    people's judgements. 0 for equal frames, at most 4. It changes with the network:
    state which one.

    Args:
        extractor: an `Extractor` of single images, or what `extractors.get` takes.
        images: `[..., H, W, C]`, float in [0, 1] or uint8 meaning value / 255.
        references: the same kind of frames. H, W and C equal those of `images`; the
            axes before them broadcast, as in `psnr`, and each frame passes through the
            network once.

    Returns:
        float64 array `[...]`.

    Raises:
        ValueError: if the shapes do not fit together, the extractor is one of clips, or
            all features of a frame are zero.

    Example:
        >>> frames = np.zeros([5, 64, 64, 3], "uint8")
        >>> feature_distance("mobilenet.tflite", frames, frames)
        array([0., 0., 0., 0., 0.])

    Reference: Zhang et al., 2018 (LPIPS).
    """
    extractor = extractors.get(extractor)
    if extractor.per != "image":
        raise ValueError(f"'{extractor.name}' makes features of clips, not of frames.")
    images, references = to_tensor(images), to_tensor(references)
    check_frame_pair(images, references)
    first, second = (_features(extractor, side) for side in (images, references))
    lengths = _dot(first, first) + _dot(second, second)
    # Rounding may leave it just below zero.
    return np.maximum(lengths - 2.0 * _dot(first, second), 0.0)


def _features(extractor, frames):
    features = extractor(np.reshape(frames, (-1, *frames.shape[-3:])))
    lengths = np.linalg.norm(features, axis=-1, keepdims=True)
    if not np.all(lengths > 0.0):
        raise ValueError(
            f"'{extractor.name}' gives a frame no features but zeros: they have no "
            "direction to compare."
        )
    return np.reshape(features / lengths, (*frames.shape[:-3], -1))


def _dot(first, second):
    return np.einsum("...f,...f->...", first, second, dtype=np.float64)
