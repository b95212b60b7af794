"""Exact training state on disk: weights, running sigma, optimizer, noise, position."""

import pathlib

import numpy as np

from tfsigmavae.files import whole

_FILE = "state.npz"
_STEP = "step"


class DivergedError(ValueError):
    """Training has diverged: weights or pixels are not finite."""


def save_checkpoint(model, directory, step: int) -> pathlib.Path:
    """Writes everything that the next training step depends on.

    That is every variable of the model (also the state of its noise generators, which
    `.keras` files leave out), every variable of its optimizer, and the position in the
    data. The file appears whole or not at all.

    Args:
        model: a compiled, built Keras model.
        directory: folder, made if missing; an earlier checkpoint in it is replaced.
        step: training batches seen so far.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: if the model is not compiled and built.
        DivergedError: if a weight is not finite; an earlier checkpoint is kept.
    """
    directory = pathlib.Path(directory)
    arrays = {key: _array(value) for key, value in _variables(model).items()}
    for weight in model.trainable_variables:
        if not np.isfinite(_array(weight)).all():
            raise DivergedError(
                f"Training has diverged: {weight.path!r} is not finite at step {step}. "
                f"No checkpoint was written; an earlier one in {str(directory)!r} is "
                "kept. Lower the learning rate."
            )
    path = directory / _FILE
    with whole(path) as partial:
        np.savez(partial, **{_STEP: np.int64(step)}, **arrays)
    return path


def has_checkpoint(directory) -> bool:
    """Whether `load_checkpoint` would find a checkpoint in `directory`."""
    return (pathlib.Path(directory) / _FILE).is_file()


def load_checkpoint(model, directory) -> int:
    """Restores what `save_checkpoint` wrote, into an equal model.

    Args:
        model: a compiled, built Keras model of the same architecture and optimizer.
        directory: folder given to `save_checkpoint`.

    Returns:
        int, training batches seen so far: where the data must go on.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if the checkpoint is of another model or optimizer; nothing has been
            changed then.
    """
    path = pathlib.Path(directory) / _FILE
    if not path.is_file():
        raise FileNotFoundError(f"No checkpoint {str(path)!r}.")
    variables = _variables(model)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    step = int(arrays.pop(_STEP))
    wrong = sorted(variables.keys() ^ arrays.keys()) + [
        key
        for key in sorted(variables.keys() & arrays.keys())
        if tuple(variables[key].shape) != arrays[key].shape
    ]
    if wrong:
        raise ValueError(
            f"Checkpoint {str(path)!r} is of another model or optimizer: {len(wrong)} "
            f"variables differ, the first is {wrong[0]!r}."
        )
    for key, variable in variables.items():
        variable.assign(arrays[key])
    return step


def _array(variable):
    """NumPy has no bfloat16 of its own; float32 holds each of its values exactly."""
    array = np.asarray(variable)
    return array.astype(np.float32) if variable.dtype == "bfloat16" else array


def _variables(model):
    """Name -> variable; the position in the list makes the names unique."""
    if not model.built or getattr(model, "optimizer", None) is None:
        raise ValueError("A checkpoint needs a model that is compiled and built.")
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    # `variables` and not `weights`: the former has the noise generators' state.
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}-{i:04d}": variable
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }
