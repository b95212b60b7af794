"""SavedModels for serving."""

import os
import pathlib
import shutil
import tempfile

import keras


def export_saved_model(model, path) -> pathlib.Path:
    """Writes a model's endpoints as a TensorFlow SavedModel.

    The result loads with `tf.saved_model.load` in a process that imports only
    tensorflow, and in TensorFlow Serving. Every endpoint takes a free batch size;
    randomness comes from an explicit `seed` input.

    Args:
        model: a `VariationalModel`; its `export_endpoints` says what is exported.
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
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and renamed, so that a server never sees half a model;
    # one folder deeper, because only its owner may read the temporary one.
    temporary = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        partial = os.path.join(temporary, "model")
        archive.write_out(partial, verbose=False)
        os.rename(partial, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path
