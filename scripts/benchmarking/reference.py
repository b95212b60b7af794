"""The reference program, which lies with the tests: a checkout has it."""

import importlib
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"


def make_reference(model, folder):
    """The frame-by-frame program over the weights of an `SVGLP`.

    Args:
        model: `SVGLP`.
        folder: where its module lies.

    Raises:
        FileNotFoundError: if it does not.
    """
    return _module("frame_by_frame_svg_lp", folder).FrameByFrameSVGLP(model)


def randomise_weights(model, folder):
    """Gives every weight a value that shows in the outputs, and returns the model."""
    return _module("tiny_svg_lp", folder).randomise_weights(model)


def _module(name, folder):
    for path in (folder, TESTS):
        if not (pathlib.Path(path) / f"{name}.py").is_file():
            raise FileNotFoundError(
                f"No '{name}.py' in '{path}'. The benchmark compares with the tests' "
                "reference program: run it in a checkout, which has tests/."
            )
        if str(path) not in sys.path:
            sys.path.append(str(path))
    return importlib.import_module(name)
