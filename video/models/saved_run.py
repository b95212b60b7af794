"""Opens the model of a finished run, and tells how its videos were read."""

import pathlib
import re
import zipfile

import keras

from tfsigmavae.files import read_json
from tfsigmavae.models import VariationalModel

# How a clip is made of a video's frames; other options tell which clips there are.
_OF_A_VIDEO = ("stride", "fps", "fit", "alpha")


def open_run(path) -> tuple:
    """The model of a run, and the path of its file.

    Args:
        path: a run folder or its `model.keras`.

    Returns:
        Model and `pathlib.Path`.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is damaged, or of another package.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no model '{file}'. Name a run folder or its model.keras, which "
            "training writes."
        )
    if not zipfile.is_zipfile(file):
        raise ValueError(f"'{file}' is damaged, or no model that Keras has saved.")
    try:
        model = keras.models.load_model(file)
    except Exception as error:  # Keras raises whatever it stumbles over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if unknown := re.match(r"Could not locate class '(.+?)'", reason):
            raise ValueError(
                f"Nobody knows the class {unknown[1]} of '{file}': decorate it by "
                "@keras.saving.register_keras_serializable() and import its module "
                "first (commands do by --import)."
            ) from error
        raise ValueError(f"Keras cannot load the model '{file}': {reason}") from error
    if not isinstance(model, VariationalModel):
        raise ValueError(
            f"'{file}' holds a {type(model).__name__} and no model of this package: "
            "name a run folder or its model.keras. (Keras exports others: "
            "`keras.models.load_model(file).export(folder)`.)"
        )
    return model, file


def config(file) -> dict:
    """The `config.json` of a run, beside its model; {} where there is none.

    Raises:
        ValueError: if it is damaged.
    """
    path = pathlib.Path(file).parent / "config.json"
    return read_json(path) if path.is_file() else {}


def data_options(file) -> dict:
    """All options of the data that a run was trained on; {} where nobody knows.

    Args:
        file: path of the model; its run's `config.json` lies beside it, or is missing.
    """
    run = config(file)
    return run.get("converted_with", {}) | run.get("data_options", {})


def reading_options(file) -> dict:
    """Of `data_options`, those that tell how to take the frames of a video."""
    found = data_options(file)
    return {name: found[name] for name in _OF_A_VIDEO if name in found}
