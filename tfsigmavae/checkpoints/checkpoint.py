"""Checkpoints of a model in training, of which the last ones and the best are kept."""

import math
import pathlib
import re
import typing
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tfsigmavae.checkpoints.state_file import (
    DamagedFileError,
    read_record,
    read_state,
    write_state,
)
from tfsigmavae.checks import check_at_least
from tfsigmavae.models.step_guard import DivergedError
from tfsigmavae.typing import PathLike

# Of version 0.1.0, which kept one.
_OLDEST = "state.npz"
_NAME = "state-{:09d}.npz"
_PATTERN = re.compile(r"state-(\d{9,})\.npz")
_STEP = "step"
_SCORE = "score"


class Restored(typing.NamedTuple):
    """What `restore` found.

    Attributes:
        step: int, training batches seen so far.
        record: dict, what `save_checkpoint` was given as `record`.
        metrics: list of arrays, the state of the model's metrics.
        path: `pathlib.Path` of the file.
    """

    step: int
    record: dict
    metrics: list
    path: pathlib.Path


def save_checkpoint(
    model: keras.Model,
    directory: PathLike,
    step: int,
    keep: int = 2,
    score: float | None = None,
    record: Mapping[str, Any] | None = None,
    metrics: Sequence[np.ndarray] | None = None,
) -> pathlib.Path:
    """Writes everything that the next training step depends on.

    That is every variable of the model (also the state of its noise generators, which
    `.keras` files leave out), every variable of its optimizer, its metrics, and the
    position in the data. The file has a checksum inside; it appears whole or not at
    all, and is on the disk when this returns. Several processes may write to one
    directory.

    Args:
        model: a compiled, built Keras model.
        directory: folder, made if missing.
        step: training batches seen so far. Checkpoints of later steps, which a run
            that began again has left behind, are removed.
        keep: int >= 1, how many of the last ones to keep. Defaults to `2`.
        score: float, the lower the better: the best one is kept too, however old.
            Defaults to `None`, none, as one that is not finite.
        record: dict of JSON values to keep with it. Defaults to none.
        metrics: list of arrays, the metrics' state. Defaults to `None`: as it is now.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        ValueError: if the model is not compiled and built.
        DivergedError: if a number is not finite, of a weight, the optimizer or running
            statistics; no checkpoint is written or removed.
    """
    check_at_least("keep", keep, 1)
    directory = pathlib.Path(directory)
    variables = _variables(model)
    arrays = {key: _array(value) for key, value in variables.items()}
    for key, array in arrays.items():
        if not _is_finite(array):
            raise DivergedError(
                f"Training has diverged: {variables[key].path!r} is not finite at step "
                f"{step}. No checkpoint was written; an earlier one in "
                f"{str(directory)!r} is kept. Lower the learning rate."
            )
    for i, value in enumerate(metric_values(model) if metrics is None else metrics):
        arrays[f"metric-{i:04d}"] = value
    path = directory / _NAME.format(step)
    score = None if score is None or not math.isfinite(score) else float(score)
    content = {_STEP: int(step), _SCORE: score, "record": record or {}}
    write_state(path, arrays, content)
    _prune(directory, step, keep)
    return path


def has_checkpoint(directory: PathLike) -> bool:
    """Whether there is a checkpoint in `directory`, damaged or not."""
    return bool(_files(directory))


def newest(directory) -> str | None:
    """Name of the last checkpoint in `directory`, damaged or not; `None` for none."""
    return next((path.name for path in _files(directory)), None)


def load_checkpoint(model: keras.Model, directory: PathLike, best: bool = False) -> int:
    """Restores what `save_checkpoint` wrote, into an equal model.

    If the last checkpoint is damaged, the one before it is taken, with a warning that
    names both.

    Args:
        model: a compiled, built Keras model of the same architecture and optimizer.
        directory: folder given to `save_checkpoint`.
        best: bool, whether to take the one of the lowest score instead of the last.
            Defaults to `False`.

    Returns:
        int, training batches seen so far: where the data must go on.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        DamagedFileError: if all of them are damaged.
        ValueError: if the checkpoint is of another model or optimizer, or none has a
            score. After an error nothing has changed.
    """
    return restore(model, directory, best).step


def restore(model, directory, best: bool = False) -> Restored:
    """Does what `load_checkpoint` does, and gives all that was saved with it.

    Metrics, which `fit` resets at every epoch, are returned and not assigned.
    """
    way_out = (
        "Delete that file: the others are whole or not known to be damaged."
        if best
        else f"There is no other checkpoint: delete {str(directory)!r}, and the "
        "`history.csv` beside it, to begin again."
    )
    path, arrays, content = _read_last(_candidates(directory, best), way_out)
    step = int(content[_STEP])
    metrics = [arrays.pop(k) for k in sorted(arrays) if k.startswith("metric-")]
    variables = _variables(model)
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
    return Restored(step, content.get("record", {}), metrics, path)


def metric_values(model) -> list:
    """The state of the model's metrics, as arrays.

    Of several replicas that of the first here: a sum over all would be a wait for
    machines that may have ended.
    """
    return [np.asarray(_local(variable)) for variable in _metric_variables(model)]


def _local(variable):
    value = getattr(variable, "value", variable)
    return getattr(value, "values", [value])[0]


def assign_metrics(model, values):
    """Sets the model's metrics to what they were; of another model's nothing."""
    variables = _metric_variables(model)
    shapes = [tuple(v.shape) for v in variables]
    if shapes == [np.shape(value) for value in values]:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


def _files(directory):
    """Step by path of the checkpoints, the last one first."""
    directory = pathlib.Path(directory)
    steps = {}
    for path in directory.glob("state*.npz"):
        if match := _PATTERN.fullmatch(path.name):
            steps[path] = int(match[1])
        elif path.name == _OLDEST:
            steps[path] = -1
    return dict(sorted(steps.items(), key=lambda item: item[1], reverse=True))


def _candidates(directory, best):
    paths = list(_files(directory))
    if not paths:
        raise FileNotFoundError(f"No checkpoint in {str(directory)!r}.")
    if not best:
        return paths
    scores = _scores(paths)
    if not scores:
        raise ValueError(
            f"No checkpoint in {str(directory)!r} has a score: train with "
            "`validation_data`, or load the last one."
        )
    return [min(scores, key=scores.__getitem__)]


def _scores(paths):
    """Score by path, of those that have one and can be read."""
    scores = {}
    for path in paths:
        try:
            score = read_record(path).get(_SCORE)
        except (DamagedFileError, FileNotFoundError):
            continue
        if score is not None:
            scores[path] = score
    return scores


def _read_last(paths, way_out):
    """The first one that is not damaged, with a warning of those before it."""
    damages = []
    for path in paths:
        try:
            arrays, content = _read_finite(path)
        except DamagedFileError as error:
            damages.append(str(error))
            continue
        if damages:
            warnings.warn(
                f"{' '.join(damages)} Going on from the checkpoint before, '{path}'.",
                stacklevel=4,
            )
        return path, arrays, content
    raise DamagedFileError(f"{' '.join(damages)} {way_out}")


def _read_finite(path) -> tuple[dict, dict]:
    arrays, content = read_state(path)
    if _STEP in arrays:  # of version 0.1.0
        content = {_STEP: int(arrays.pop(_STEP))}
    if _STEP not in content:
        raise DamagedFileError(f"'{path}' is damaged: it tells no step.")
    for key, array in arrays.items():
        if not key.startswith("metric-") and not _is_finite(array):
            raise DamagedFileError(
                f"'{path}' is of a training that diverged: {key!r} is not finite."
            )
    return arrays, content


def _prune(directory, step, keep):
    steps = _files(directory)
    later = [path for path, number in steps.items() if number > step]
    rest = [path for path in steps if path not in later]
    scores = _scores(rest)
    best = [min(scores, key=scores.__getitem__)] if scores else []
    for path in {*later, *rest[keep:]} - set(best):
        path.unlink(missing_ok=True)  # another process may be at it too


def _is_finite(array):
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _array(variable):
    """NumPy has no bfloat16 of its own; float32 holds each of its values exactly."""
    array = np.asarray(variable)
    return array.astype(np.float32) if variable.dtype == "bfloat16" else array


def _variables(model):
    """Name -> variable; the position in the list makes the names unique."""
    if not model.built or getattr(model, "optimizer", None) is None:
        raise ValueError("A checkpoint needs a model that is compiled and built.")
    if not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)
    # `variables` and not `weights`: the former has the noise generators' state.
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}-{i:04d}": variable
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def _metric_variables(model):
    return [variable for metric in model.metrics for variable in metric.variables]
