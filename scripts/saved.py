"""Opens the model that a script is given."""

import pathlib


def load(path):
    """The model, and the path of its file.

    Args:
        path: a run folder or its model.keras.

    Raises:
        FileNotFoundError: if there is none.
    """
    import keras

    import tfsigmavae.video  # noqa: F401 (registers the models)

    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no model '{file}'. `--model` must be a run folder or its "
            "model.keras, which training writes."
        )
    return keras.models.load_model(file), file
