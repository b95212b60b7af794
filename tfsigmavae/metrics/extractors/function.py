"""Any Python function as an extractor."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from tfsigmavae.metrics.extractors.extractor import Extractor


class Function(Extractor):
    """Any callable: a Keras model, a network of another library, plain statistics.

    It is given float32 tensors in [0, 1] of at most `batch_size` images or clips, of
    the size they come in, and returns one row of features for each.

    Args:
        function: callable, `[n, H, W, C]` (or `[n, T, H, W, C]`) to `[n, F]`.
        name: str. Defaults to `None`, the callable's own.
        per: `"image"` or `"clip"`. Defaults to `"image"`.
        channels: int 3, grey is repeated to RGB, or `None`, as they come. Defaults to
            `3`.
        batch_size: int, images or clips at once. Defaults to `32`.

    Raises:
        TypeError: if `function` cannot be called.
        ValueError: if no name is given, and the callable has none.

    Example:
        >>> extractor = Function(lambda x: tf.reduce_mean(x, [1, 2]), "mean_colour")
        >>> extractor(tf.ones([5, 8, 8, 3])).shape, extractor.distance_name
        ((5, 3), 'frechet[mean_colour]')
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        name: str | None = None,
        per: Literal["image", "clip"] = "image",
        channels: int = 3,
        batch_size: int = 32,
    ):
        if not callable(function):
            raise TypeError(f"`function` must be callable, got {function!r}.")
        if channels not in (3, None):
            raise ValueError(f"`channels` must be 3 or None, got {channels!r}.")
        if name is None:
            name = getattr(function, "name", getattr(function, "__name__", None))
        if not isinstance(name, str) or name == "<lambda>":
            raise ValueError(
                f"Give `name` for {function!r}: it is printed with every distance."
            )
        super().__init__(name, per=per, batch_size=batch_size)
        self._function = function
        self._as_they_come = channels is None

    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        return self._function(pixels)

    def _rgb(self, pixels):
        return pixels if self._as_they_come else super()._rgb(pixels)
