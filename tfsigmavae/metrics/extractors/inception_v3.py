"""InceptionV3 of Keras."""

import math
import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae.graphs import compiled
from tfsigmavae.inputs import DAMAGE
from tfsigmavae.metrics.extractors.extractor import (
    Extractor,
    digest,
    existing,
    resized,
)
from tfsigmavae.typing import PathLike

_SIZE = (299, 299)
# The name under which Keras keeps it.
_CACHED = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


class InceptionV3(Extractor):
    """Keras' InceptionV3, averaged over positions: 2,048 features an image.

    This is *not* the network of the FID. That one has weights of another training (for
    1,008 classes), pools otherwise in its last blocks, and resizes images otherwise; so
    features differ, and so do distances: they are called `frechet[inception_v3]` and
    stand beside no published FID. For that take `Inception2015`.

    Frames are resized to 299x299 bilinearly, with antialiasing where they shrink, and
    scaled to [-1, 1].

    Args:
        weights: path of a weights file (`.weights.h5`, or `.h5` of Keras' own) of
            `keras.applications.InceptionV3(include_top=False)`. Defaults to `None`: the
            file in the Keras cache. Nothing is downloaded.
        batch_size: int, images at once. Defaults to `32`.

    Raises:
        FileNotFoundError: if the file is not there, saying how to get it.
        ValueError: if it holds the weights of another network.

    Reference: Szegedy et al., 2016.
    """

    def __init__(self, weights: PathLike | None = None, batch_size: int = 32):
        cached = weights is None
        path = existing(
            _cache() / _CACHED if cached else weights,
            "The weights of InceptionV3",
            "`keras.applications.InceptionV3(include_top=False)` downloads them, 84 "
            f"MB, into the Keras cache, '{_cache()}'.",
        )
        network = _load(path)
        self._network = compiled(lambda pixels: network(pixels, training=False))
        super().__init__(
            "inception_v3",
            num_features=2048,
            batch_size=batch_size,
            sha256=digest(path),
            input_size=_SIZE,
            input_range=(-1.0, 1.0),
            resize="bilinear, antialiased",
        )

    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        pixels = resized(pixels, _SIZE, antialias=True)
        return self._network(2.0 * pixels - 1.0)


def _load(path):
    network = keras.applications.InceptionV3(
        include_top=False,
        weights=None,  # pyright: ignore[reportArgumentType]
        pooling="avg",
        input_shape=(*_SIZE, 3),
    )
    for weight in network.weights:
        weight.assign(tf.fill(weight.shape, math.nan))
    refusal = (
        f"'{path}' does not hold the weights of keras.applications.InceptionV3("
        "include_top=False): "
    )
    try:
        network.load_weights(path)
    except DAMAGE as error:
        raise ValueError(f"{refusal}{error}") from error
    # Keras leaves weights that a file lacks as they were, with no more than a warning.
    if not all(np.isfinite(weight).all() for weight in network.weights):
        raise ValueError(f"{refusal}some are missing.")
    return network


def _cache():
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home) / "models"
