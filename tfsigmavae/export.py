"""SavedModels for serving."""

import os
import pathlib

import keras

from tfsigmavae.files import whole


def export_saved_model(model, path) -> pathlib.Path:
    """Writes a model's endpoints as a TensorFlow SavedModel.

    The result loads with `tf.saved_model.load` in a process that imports only
    tensorflow, and in TensorFlow Serving. Every endpoint takes a free batch size;
    randomness comes from an explicit `seed` input.

    Args:
        model: a `VariationalModel`; its `export_endpoints` lists what is exported.
        path: folder to create, e.g. `"export/svg/1"` (TensorFlow Serving wants a
            version number last).

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        TypeError: if `model` names no endpoints.
        FileExistsError: if `path` exists; nothing is overwritten.
    """
    if not hasattr(model, "export_endpoints"):
        raise TypeError(
            f"`model` must be a VariationalModel, got {type(model).__name__}. Other "
            "Keras models export themselves: `model.export(path)`."
        )
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"`path` {str(path)!r} exists. Remove it, or export under another version."
        )
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in model.export_endpoints().items():
        archive.add_endpoint(name, function, input_signature=signature)
    # A server never sees half a model, and two exports at once do not mix: the second
    # one fails. Until then the name is hidden, and so no version to TensorFlow Serving.
    with whole(path) as partial:
        archive.write_out(os.fspath(partial), verbose=False)
    return path
