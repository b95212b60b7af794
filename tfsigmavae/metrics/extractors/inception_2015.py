"""The Inception network of the FID."""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tfsigmavae.inputs import explained, read_bytes
from tfsigmavae.metrics.extractors.extractor import Extractor, digest, existing
from tfsigmavae.typing import PathLike

_INPUT, _OUTPUT = "ExpandDims:0", "pool_3:0"
_AGAIN = "Extract it again."


class Inception2015(Extractor):
    """The Inception graph of December 2015, whose Frechet distance is the FID.

    The file `classify_image_graph_def.pb` of the archive `inception-2015-12-05.tgz`. It
    resizes images itself (to 299x299, bilinearly, without antialiasing) and is given
    values of 0 to 255. Published figures are of 8-bit images: give such ones, as uint8.

    Args:
        path: of the frozen graph.
        batch_size: int, images at once. Defaults to `32`.

    Raises:
        FileNotFoundError: if the file is not there.
        ValueError: if it is not a graph with the tensors "ExpandDims:0" and "pool_3:0",
            or gives another number of features than 2,048.

    Reference: Heusel et al., 2017.
    """

    distance_name: str = "FID"
    kernel_name: str = "KID"

    def __init__(self, path: PathLike, batch_size: int = 32):
        path = existing(
            path,
            "The Inception graph of 2015",
            "It is in http://download.tensorflow.org/models/image/imagenet/"
            "inception-2015-12-05.tgz.",
        )
        # A graph of TensorFlow 1, whose operations a session runs as they were meant.
        graph = tf.Graph()
        what, damage = "is not the Inception graph of 2015", (tf.errors.OpError,)
        with explained(f"'{path}'", what, _AGAIN, also=damage), graph.as_default():
            self._pixels = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3])
            # In the place of a batch of one JPEG file.
            (self._features_tensor,) = tf.graph_util.import_graph_def(
                _read(path), {_INPUT: self._pixels}, [_OUTPUT]
            )
        self._session = tf.compat.v1.Session(graph=graph)
        super().__init__(
            "inception_2015",
            num_features=2048,
            batch_size=batch_size,
            sha256=digest(path),
            input_range=(0.0, 255.0),
            resize="by the graph: 299x299, bilinear, not antialiased",
        )

    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        levels = (255.0 * pixels).numpy()
        features = self._session.run(self._features_tensor, {self._pixels: levels})
        return features.reshape(len(pixels), -1)


def _read(path):
    graph = tf.compat.v1.GraphDef()
    with explained(f"'{path}'", "is not a frozen graph", _AGAIN, also=(DecodeError,)):
        graph.ParseFromString(read_bytes(path))
        names = {node.name for node in graph.node}
    missing = {name for name in (_INPUT, _OUTPUT) if name.split(":")[0] not in names}
    if missing:
        raise ValueError(
            f"'{path}' has no tensors {sorted(missing)}: it is not the Inception graph "
            "of 2015, `classify_image_graph_def.pb`."
        )
    return graph
