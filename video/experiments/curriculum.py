"""Clip lengths by stages of training: shorter clips first."""

import numbers
import typing


class Stage(typing.NamedTuple):
    """A part of training.

    Attributes:
        first_step: int, where it begins.
        num_frames: int, frames to predict of its clips.
    """

    first_step: int
    num_frames: int


def check_curriculum(curriculum) -> None:
    """Checks the option `curriculum` of a `VideoExperiment`.

    Args:
        curriculum: sequence of (share of the steps, num_frames).

    Raises:
        TypeError: if it is something else.
        ValueError: if a number is out of range, or shares do not ascend.
    """
    if not isinstance(curriculum, (tuple, list)) or not all(map(_is_pair, curriculum)):
        raise TypeError(
            "`curriculum` must be pairs of (share of the steps, num_frames), such as "
            f"((0.5, 4),), got {curriculum!r}."
        )
    shares = [share for share, _ in curriculum]
    if any(num_frames < 1 for _, num_frames in curriculum):
        raise ValueError(
            "`curriculum` must predict at least 1 frame in each stage, got "
            f"{curriculum!r}."
        )
    bounds = [0.0, *shares, 1.0]
    if not all(one < other for one, other in zip(bounds, bounds[1:], strict=False)):
        raise ValueError(
            "The shares of `curriculum` say where its stages end: they must ascend, "
            f"between 0 and 1, got {shares}. After the last one `num_frames` holds."
        )


def stages_of(curriculum, steps, num_frames) -> list[Stage]:
    """The stages of a run, the last of which has clips of full length.

    Args:
        curriculum: see `check_curriculum`; the share says where a stage ends.
        steps: int, steps of the run.
        num_frames: int, frames to predict after the last share.

    Raises:
        ValueError: if a stage has no step.
    """
    firsts = [0, *(round(share * steps) for share, _ in curriculum)]
    lengths = [*(length for _, length in curriculum), num_frames]
    if len(set(firsts)) < len(firsts) or firsts[-1] >= steps:
        raise ValueError(
            f"Each stage of `curriculum` needs a step of its own; of {steps} steps "
            f"they would begin at {firsts}. Set more `steps`, or leave stages out."
        )
    return [Stage(*stage) for stage in zip(firsts, lengths, strict=True)]


def evenly(curriculum) -> tuple:
    """The same stages, all equally long: for a trial of a step each."""
    count = len(curriculum) + 1
    lengths = [num_frames for _, num_frames in curriculum]
    return tuple(((i + 1) / count, length) for i, length in enumerate(lengths))


def _is_pair(stage):
    if not isinstance(stage, (tuple, list)) or len(stage) != 2:
        return False
    wanted = (numbers.Real, numbers.Integral)
    # A bool is an int to Python.
    return not any(isinstance(x, bool) for x in stage) and all(
        isinstance(value, kind) for value, kind in zip(stage, wanted, strict=True)
    )
