"""Which of two scores is the better one: the higher, the lower, or that nearer to 1."""

from typing import Any

# How far a score is from the best one there can be, up to a constant.
_LOSSES = {
    "max": lambda scores: -scores,
    "min": lambda scores: scores,
    "nearest_one": lambda scores: abs(scores - 1.0),
}
# What tables and plots tell of a metric.
TOLD = {
    "max": "higher is better",
    "min": "lower is better",
    "nearest_one": "best at 1",
}


def nearest_one(scores: Any) -> Any:
    """Gives the score that is nearest to 1, as `max` gives the highest.

    As `best` of a `Metric` that is a ratio to the truth: too little is wrong, and so is
    too much.

    Args:
        scores: list of numbers, at least one.

    Returns:
        One of them.

    Example:
        >>> nearest_one([0.5, 1.25, 2.0])
        1.25
    """
    return min(scores, key=_LOSSES["nearest_one"])


BESTS = (max, min, nearest_one)


def loss(best: str, scores):
    """What is less for a better score.

    Args:
        best: name of one of `BESTS`, as `metrics.json` has it.
        scores: number or array; NaN stays NaN.

    Returns:
        The same kind as `scores`.

    Example:
        >>> loss("max", 20.0) < loss("max", 19.0), loss("nearest_one", 1.25)
        (True, 0.25)
    """
    return _LOSSES[best](scores)


def best_of(best: str, scores):
    """The best of a list of numbers, see `loss`."""
    return min(scores, key=_LOSSES[best])
