"""What the package needs around it: Keras on TensorFlow, and optional packages."""

import importlib
import json
import os
import pathlib
import sys


def _keras_settings() -> dict:
    """Reads what Keras would use, without importing it: that may fail or be slow."""
    if "keras" in sys.modules:
        keras = sys.modules["keras"]
        return {
            "backend": keras.config.backend(),
            "image_data_format": keras.config.image_data_format(),
        }
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    try:
        settings = json.loads((pathlib.Path(home) / "keras.json").read_text())
    except (OSError, ValueError):  # Keras, too, then falls back to its defaults
        settings = {}
    if os.environ.get("KERAS_BACKEND"):
        settings["backend"] = os.environ["KERAS_BACKEND"]
    return settings


def check_keras() -> None:
    """Raises if Keras is not set up for TensorFlow with channels-last images.

    Raises:
        ImportError: naming the setting that was found and how to change it.
    """
    settings = _keras_settings()
    backend = settings.get("backend", "tensorflow")
    if backend != "tensorflow":
        raise ImportError(
            f"tfsigmavae needs the Keras backend 'tensorflow', got {backend!r}. Set "
            "the environment variable KERAS_BACKEND=tensorflow before Keras is "
            'imported, or "backend": "tensorflow" in keras.json.'
        )
    image_data_format = settings.get("image_data_format", "channels_last")
    if image_data_format != "channels_last":
        raise ImportError(
            "tfsigmavae needs the Keras image data format 'channels_last', got "
            f'{image_data_format!r}. Set "image_data_format": "channels_last" in '
            'keras.json, or call keras.config.set_image_data_format("channels_last") '
            "before tfsigmavae is imported."
        )


def require(module: str, extra: str):
    """Imports an optional module; if it is missing, the error names its pip command.

    Args:
        module: the module's import name, for example `"tensorflow_datasets"`.
        extra: the extra of this package that installs it, for example `"datasets"`.

    Returns:
        The imported module.

    Raises:
        ImportError: if the module is not installed, naming the pip command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]):
            raise  # it is installed, but something that it imports is missing
        raise ImportError(
            f"`{module}` is needed for this and is not installed. "
            f'Install it with: pip install "tfsigmavae[{extra}]"'
        ) from error
