"""Networks in TensorFlow Lite files."""

import importlib.util
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsigmavae.inputs import DAMAGE
from tfsigmavae.metrics.extractors.extractor import (
    Extractor,
    digest,
    existing,
    resized,
)
from tfsigmavae.typing import PathLike


class TFLite(Extractor):
    """A network in a `.tflite` file: its only output is the features of an image.

    An 8-bit network is given grey levels, as it was made for (0 to 255, or -128 to 127
    where its numbers have a sign); its output is turned into numbers by the scale and
    the zero that it states. A floating network is given `input_range`. Frames are
    resized bilinearly, with antialiasing where they shrink, to the size that the file
    states. Runs on `ai-edge-litert` where it is installed, else on `tf.lite`.

    Args:
        path: of the file.
        name: str. Defaults to `None`, the file's name without its ending.
        input_range: (lowest, highest), what black and white are to a floating network.
            Defaults to `(-1.0, 1.0)`.
        batch_size: int, images resized at once; the network sees them one by one.
            Defaults to `32`.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it is no network from one image `[1, H, W, 3]` to one vector.

    Example:
        >>> extractor = TFLite("mobilenet.tflite")
        >>> extractor(tf.zeros([5, 64, 64, 3])).shape
        (5, 1024)
        >>> extractor.distance_name
        'frechet[mobilenet]'
    """

    def __init__(
        self,
        path: PathLike,
        name: str | None = None,
        input_range: Sequence[float] = (-1.0, 1.0),
        batch_size: int = 32,
    ):
        path = existing(path, "TFLite", "Give the path of a `.tflite` file.")
        self._interpreter = _open(path)
        inputs = self._interpreter.get_input_details()
        outputs = self._interpreter.get_output_details()
        _check(inputs, outputs, path)
        self._input, self._output = inputs[0], outputs[0]
        self._range = _range(self._input, input_range)
        self._size = tuple(int(size) for size in self._input["shape"][1:3])
        super().__init__(
            name or pathlib.Path(path).stem,
            num_features=int(np.prod(self._output["shape"])),
            batch_size=batch_size,
            sha256=digest(path),
            input_size=self._size,
            input_range=self._range,
            resize="bilinear, antialiased",
        )

    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        low, high = self._range
        values = low + (high - low) * resized(pixels, self._size, antialias=True)
        dtype = self._input["dtype"]
        if dtype != np.float32:
            values = tf.round(values)
        return np.stack([self._run(image) for image in values.numpy().astype(dtype)])

    def _run(self, image):
        self._interpreter.set_tensor(self._input["index"], image[None])
        self._interpreter.invoke()
        values = self._interpreter.get_tensor(self._output["index"]).ravel()
        if values.dtype == np.float32:
            return values
        scale, zero = self._output["quantization"]
        return np.float32(scale) * (values.astype(np.float32) - zero)


def _open(path):
    if importlib.util.find_spec("ai_edge_litert") is not None:
        from ai_edge_litert.interpreter import Interpreter  # pyright: ignore[reportMissingImports]
    else:
        Interpreter = tf.lite.Interpreter
    try:
        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
    except DAMAGE as error:
        raise ValueError(f"'{path}' is no network of TFLite: {error}") from error
    return interpreter


def _check(inputs, outputs, path):
    takes, gives = _shapes(inputs), _shapes(outputs)
    is_image = len(takes) == 1 and [*takes[0][:1], *takes[0][3:]] == [1, 3]
    # [1, F], [1, 1, 1, F].
    is_vector = len(gives) == 1 and np.prod(gives[0]) == gives[0][-1]
    types = [part["dtype"].__name__ for part in (*inputs, *outputs)]
    if not (is_image and is_vector and {*types} <= {"uint8", "int8", "float32"}):
        raise ValueError(
            f"'{path}' must take one image [1, H, W, 3] and give one vector of "
            f"features, as uint8, int8 or float32; it takes {takes} and gives {gives}, "
            f"{types}. Features with rows and columns are to be averaged in the file."
        )


def _shapes(parts):
    return [[int(size) for size in part["shape"]] for part in parts]


def _range(details, input_range):
    if details["dtype"] == np.float32:
        return tuple(input_range)
    limits = np.iinfo(details["dtype"])
    return limits.min, limits.max
