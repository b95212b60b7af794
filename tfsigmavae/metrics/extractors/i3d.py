"""The I3D network of the FVD."""

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfsigmavae.inputs import InputError, explained, is_there, read_bytes
from tfsigmavae.metrics.extractors.extractor import Extractor, digest, existing
from tfsigmavae.typing import PathLike

_SIZE = (224, 224)
_NUM_FEATURES = 400
_ADVICE = (
    "It is the folder of a SavedModel, e.g. the extracted archive of "
    "https://tfhub.dev/deepmind/i3d-kinetics-400/1."
)


class I3D(Extractor):
    """I3D trained on Kinetics-400, whose Frechet distance is the FVD.

    Features are its 400 numbers of a clip before the softmax. Frames are resized to
    224x224 bilinearly as TensorFlow 1 did, which the authors' code uses (pixel i of the
    result shows the place i * size / 224, without antialiasing), and scaled to [-1, 1].

    Any SavedModel is taken that has a signature with one float input `[N, T, 224, 224,
    3]` and an output `[N, 400]`; where its N is a number, batches are filled up to it.
    Which frames of a clip count, and how many clips, is the protocol's to say.

    Args:
        path: folder of the SavedModel.
        batch_size: int, clips at once. Defaults to `4`; a network of a fixed batch
            keeps its own.

    Raises:
        FileNotFoundError: if the folder is not there.
        ValueError: if it is not a SavedModel, or has no such signature.

    Reference: Carreira & Zisserman, 2017; Unterthiner et al., 2018 (FVD).
    """

    distance_name: str = "FVD"
    kernel_name: str = "KVD"

    def __init__(self, path: PathLike, batch_size: int = 4):
        path = existing(path, "I3D", _ADVICE)
        damage = (tf.errors.OpError, DecodeError)
        with explained(f"'{path}'", "is not a SavedModel", _ADVICE, also=damage):
            self._model = tf.saved_model.load(path, tags=_tags(path))
        self._run, self._input, self._output = _signature(self._model, path)
        fixed = self._run.structured_input_signature[1][self._input].shape
        self._fixed_batch, self._num_frames = fixed[0], fixed[1]
        super().__init__(
            "i3d",
            per="clip",
            num_features=_NUM_FEATURES,
            batch_size=self._fixed_batch or batch_size,
            sha256=digest(path),
            input_size=_SIZE,
            input_range=(-1.0, 1.0),
            resize="bilinear as in TensorFlow 1, not antialiased",
        )

    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        num, num_frames, *frame = pixels.shape
        if self._num_frames not in (None, num_frames):
            raise ValueError(
                f"This I3D takes clips of {self._num_frames} frames, got {num_frames}."
            )
        frames = tf.compat.v1.image.resize_bilinear(
            tf.reshape(pixels, [-1, *frame]), _SIZE
        )
        clips = tf.reshape(2.0 * frames - 1.0, [num, num_frames, *_SIZE, 3])
        if self._fixed_batch:
            rest = self._fixed_batch - num
            clips = tf.pad(clips, [[0, rest], *[[0, 0]] * 4])
        return self._run(**{self._input: clips})[self._output][:num]


def _tags(path):
    """Those of the graph for serving, where a SavedModel holds others for training."""
    file = path / "saved_model.pb"
    if not is_there(file):
        raise InputError(
            f"'{path}' is not a SavedModel: no 'saved_model.pb'. {_ADVICE}"
        )
    graphs = saved_model_pb2.SavedModel.FromString(read_bytes(file)).meta_graphs
    tags = [list(graph.meta_info_def.tags) for graph in graphs]
    return next((found for found in (["serve"], []) if found in tags), None)


def _signature(model, path):
    """The function, its input and its output, that take clips and give 400 numbers."""
    found = []
    for function in (model.signatures[name] for name in sorted(model.signatures)):
        inputs = function.structured_input_signature[1]
        outputs = function.structured_outputs
        found.append(
            {name: tuple(_sizes(spec)) for name, spec in inputs.items()}
            | {f"-> {name}": tuple(_sizes(spec)) for name, spec in outputs.items()}
        )
        fitting = [name for name, spec in outputs.items() if _is_features(spec)]
        if len(inputs) == 1 and fitting:
            ((name, spec),) = inputs.items()
            if _takes_clips(spec):
                return function, name, sorted(fitting)[0]
    raise ValueError(
        f"'{path}' must have a signature with one float input [N, T, 224, 224, 3] and "
        f"an output [N, 400], as I3D has; its signatures: {found}."
    )


def _sizes(spec):
    return ("of any rank",) if spec.shape.rank is None else spec.shape


def _is_features(spec):
    return spec.shape.rank == 2 and spec.shape[-1] == _NUM_FEATURES


def _takes_clips(spec):
    wanted = tf.TensorShape([None, None, *_SIZE, 3])
    five = spec.shape.rank == 5 and spec.shape.is_compatible_with(wanted)
    return five and spec.dtype == tf.float32
