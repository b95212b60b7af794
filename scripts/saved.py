"""Opens the model that a script is given, and what its run says of the data."""

import json
import pathlib

# How a clip is made of a video's frames; the others tell which clips there are.
_OF_A_VIDEO = ("stride", "fps", "fit", "alpha")


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


def data_options(file, data, given: dict) -> dict:
    """Options with which the model's training data were opened, for other data.

    Args:
        file: path of the model; its run's `config.json` lies beside it, or is missing.
        data: path of the data to open; options that its kind does not have are left
            out, and of one video those that do not tell how to take its frames.
        given: options that win.
    """
    from tfsigmavae_video.data import loading
    from tfsigmavae_video.data.video_files import is_video

    config = file.parent / "config.json"
    run = json.loads(config.read_text()) if config.is_file() else {}
    allowed = _OF_A_VIDEO if is_video(data) else loading.option_defaults(data)
    found = run.get("data_options", {}).items()
    return {name: value for name, value in found if name in allowed} | given
