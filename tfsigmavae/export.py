"""SavedModels for serving."""

import os
import pathlib
from typing import Any

import keras

from tfsigmavae.files import whole
from tfsigmavae.models.variational_model import VariationalModel
from tfsigmavae.serving import Limits, checked_endpoints
from tfsigmavae.typing import PathLike


def export_saved_model(
    model: VariationalModel,
    path: PathLike,
    max_frames: int = 1000,
    max_samples: int = 1000,
    max_batch: int = 256,
    max_bytes: int = 2**30,
) -> pathlib.Path:
    """Writes a model's endpoints as a TensorFlow SavedModel.

    The result loads with `tf.saved_model.load` in a process that imports only
    tensorflow, and in TensorFlow Serving. Every endpoint takes a free batch size;
    randomness comes from an explicit `seed` input.

    A request that is wrong, or asks for more than the limits, is refused before
    anything is computed, by an `InvalidArgumentError` with the name of the input. One
    more endpoint, `limits`, takes nothing and tells them.

    Args:
        model: a `VariationalModel`; its `export_endpoints` lists what is exported.
        path: folder to create, e.g. `"export/svg/1"` (TensorFlow Serving wants a
            version number last).
        max_frames: int, the most frames of a clip that is given, and the most to
            predict. Defaults to `1000`.
        max_samples: int, the most futures of each clip, or images, to draw. Defaults to
            `1000`.
        max_batch: int, the most clips, images or latents in a request. Defaults to
            `256`.
        max_bytes: int, the most pixels in an answer, in bytes. Defaults to `2**30`;
            2**31 - 1 is the most that TensorFlow Serving can send.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        TypeError: if `model` names no endpoints.
        ValueError: if a limit is no int >= 1, or not below 2**31, or the model has not
            been built.
        FileExistsError: if `path` exists; nothing is overwritten.
    """
    if not hasattr(model, "export_endpoints"):
        raise TypeError(
            f"`model` must be a VariationalModel, got {type(model).__name__}. Other "
            "Keras models export themselves: `model.export(path)`."
        )
    if not model.built:
        raise ValueError(
            "`model` has not been called yet: `fit` it, or call it on a batch, before "
            "it is exported."
        )
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"`path` {str(path)!r} exists. Remove it, or export under another version."
        )
    limits = Limits(max_frames, max_samples, max_batch, max_bytes)
    endpoints = checked_endpoints(model.export_endpoints(), limits)
    # Keras' class is that of its backend, which type checkers do not know.
    archive: Any = keras.export.ExportArchive()
    archive.track(model)
    # Keras tracks its own variables, and TensorFlow those in them: all would be saved
    # twice.
    for name in ("variables", "trainable_variables", "non_trainable_variables"):
        values = [variable.value for variable in getattr(model, name)]
        archive.add_variable_collection(name, values)
    for name, (function, signature) in endpoints.items():
        archive.add_endpoint(name, function, input_signature=signature)
    archive.add_endpoint("limits", limits.endpoint())
    # A server never sees half a model, and two exports at once do not mix: the second
    # one fails. Until then the name is hidden, and so no version to TensorFlow Serving.
    with whole(path) as partial:
        archive.write_out(os.fspath(partial), verbose=False)
    return path
