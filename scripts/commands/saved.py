"""Opens the model that a script is given, and data as those of its training."""

import importlib
import importlib.util
import os
import pathlib
import sys
from typing import Any


def import_all(modules):
    """Imports modules of the user's, files or names, that register classes of models.

    Raises:
        FileNotFoundError: if there is none of this name.
    """
    for name in modules:
        try:
            _import(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise  # one that this one needs
            raise FileNotFoundError(
                f"There is no '{name}' to import: give a file, FILE.py, or the name of "
                "a module that Python finds."
            ) from error


def _import(name):
    path = pathlib.Path(name)
    if path.suffix != ".py":
        if not all(part.isidentifier() for part in name.split(".")):
            raise ModuleNotFoundError(name=name)
        sys.path.insert(0, os.getcwd())
        importlib.import_module(name)
        return
    if not path.is_file():
        raise ModuleNotFoundError(name=name)
    if path.stem in sys.modules:
        there = getattr(sys.modules[path.stem], "__file__", None)
        if there and path.samefile(there):
            return
        raise ValueError(f"'{name}' has the name of another module: rename it.")
    sys.path.insert(0, str(path.resolve().parent))  # as that of a script
    found: Any = importlib.util.spec_from_file_location(path.stem, path)
    sys.modules[path.stem] = module = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except (ValueError, TypeError, OSError) as error:
        # With its traceback: what is wrong is in that file, and not in the flags.
        raise RuntimeError(f"'{name}' fails: {error}") from error


def load(path):
    """The model of a run folder or `model.keras`, and the path of its file."""
    import tfsigmavae.video  # noqa: F401 (registers the models)
    from tfsigmavae_video.models.saved_run import open_run

    return open_run(path)


def load_video_model(path):
    """As `load`; a model of images is refused."""
    model, file = load(path)
    from tfsigmavae_video.models import VideoModel

    if not isinstance(model, VideoModel):
        raise ValueError(
            f"'{file}' holds a {type(model).__name__}, a model of images: only models "
            "of videos predict. (`tfsigmavae evaluate` takes both.)"
        )
    return model, file


def data_options(file, data, given: dict) -> dict:
    """Options with which the model's training data were opened, for other data.

    Args:
        file: path of the model.
        data: path of the data to open; options that its kind does not have are left
            out, and of one video those that do not tell how to take its frames.
        given: options that win.
    """
    from tfsigmavae_video.data import loading
    from tfsigmavae_video.data.video_files import is_video
    from tfsigmavae_video.models import saved_run

    if is_video(data):
        return saved_run.reading_options(file) | given
    allowed = loading.option_defaults(data)
    found = saved_run.data_options(file).items()
    return {name: value for name, value in found if name in allowed} | given
