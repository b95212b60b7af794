"""Actions of one's own, for the future of a clip: from words, or from a file."""

import itertools
import pathlib
from collections.abc import Iterable

import numpy as np

from tfsigmavae.inputs import explained, is_there, read_array
from tfsigmavae_video.data import pushing
from tfsigmavae_video.data.csv_tables import read_csv

SUFFIXES = (".csv", ".npy")


def read_plans(texts: Iterable[str], action_size: int) -> dict:
    """Reads sequences of actions, each with a caption.

    Args:
        texts: list of texts, each the path of a `.csv` or `.npy` file, see
            `read_actions`, or named directions of the pushing data, see
            `pushing.steer`.
        action_size: int, numbers of an action.

    Returns:
        dict of caption -> `[T, action_size]` float32. The caption of directions is what
        they are ("left 2, up"), that of a file its name, numbered if it holds several.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if there is no such direction, a file does not hold actions, or they
            have another size.

    Example:
        >>> list(read_plans(["left", "up,up,right"], model.action_size))
        ['left', 'up 2, right']
    """
    plans = {}
    for text in texts:
        is_file = pathlib.Path(text).suffix.lower() in SUFFIXES
        found = (_of_file if is_file else _of_directions)(text, action_size)
        if same := plans.keys() & found:
            raise ValueError(
                f"Two sequences of actions are called {min(same)!r}: give each once, "
                "and files names of their own."
            )
        plans |= found
    return plans


def _of_file(path, action_size):
    actions, name = read_actions(path, action_size), pathlib.Path(path).stem
    if len(actions) == 1:
        return {name: actions[0]}
    return {f"{name} {number}": plan for number, plan in enumerate(actions)}


def _of_directions(text, action_size):
    if not action_size:
        raise ValueError("The model takes no actions: its `action_size` is 0.")
    plan = pushing.steer(text)
    if plan.shape[1] != action_size:
        raise ValueError(
            f"Directions are actions of {plan.shape[1]} numbers, those of the pushing "
            f"data; the model's have {action_size}. Give a file: {_allowed()}."
        )
    return {_caption(text): plan}


def read_actions(path, action_size: int) -> np.ndarray:
    """Reads the actions that a file holds.

    Args:
        path: `.npy` file of an array `[T, action_size]` or `[N, T, action_size]`, or
            `.csv` file of a line a step, numbers with commas between, and a line of
            names above if you like.
        action_size: int, numbers of an action.

    Returns:
        `[N, T, action_size]` float32; N is 1 for a single sequence.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds something else, or a number that is not finite.
    """
    path = pathlib.Path(path)
    if not is_there(path):
        raise FileNotFoundError(f"There is no file of actions '{path}'.")
    way_out = f"It must be {_allowed()}."
    with explained(f"'{path}'", "cannot be read as actions", way_out):
        is_csv = path.suffix.lower() == ".csv"
        actions = read_csv(path) if is_csv else read_array(path)
        if actions.dtype.kind not in "fiu":
            raise TypeError(f"it holds {actions.dtype}, not numbers")
        actions = actions.astype(np.float32)
    if actions.ndim not in (2, 3) or 0 in actions.shape:
        raise ValueError(f"'{path}' must be {_allowed()}, got shape {actions.shape}.")
    if actions.shape[-1] != action_size:
        raise ValueError(
            f"'{path}' holds actions of {actions.shape[-1]} numbers; the model's have "
            f"{action_size}."
        )
    if not np.isfinite(actions).all():
        raise ValueError(f"'{path}' holds an action that is not a finite number.")
    return actions if actions.ndim == 3 else actions[None]


def _allowed():
    return "a .csv with a line a step, or a .npy [T, A] or [N, T, A]"


def _caption(text):
    words = itertools.groupby(word.strip().lower() for word in text.split(","))
    counted = [(word, len(list(group))) for word, group in words]
    return ", ".join(word if n == 1 else f"{word} {n}" for word, n in counted)
