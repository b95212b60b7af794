"""What a metric of predicted frames is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfsigmavae.evaluation.directions import BESTS
from tfsigmavae.typing import Pixels

# What a metric may score, see `Metric`.
_OF = "sample", "futures", "pixels"


class Metric(NamedTuple):
    """A score of predicted frames, each frame by itself.

    Attributes:
        score: function of predicted frames `[S, B, T, H, W, C]`, the truth
            `[B, T, H, W, C]` and the given frames `[B, N, H, W, C]`, all float32 in
            [0, 1] (but for drawn pixels, which may lie outside), to an array
            `[S, B, T]`; where `of` is not "sample", to `[B, T]`. NaN where a frame has
            no score; averages leave it out. Where `of` is "sample" a future is scored
            by itself: what stands beside it along S, some of the other futures or other
            baselines, must not matter.
        best: which of two scores is the better one: `max`, `min`, or `nearest_one` of
            `tfsigmavae.evaluation`, for ratios to the truth; `None` where
            neither is, which scores no single futures.
        label: what tables and plots call it.
        unit: of the score, "" for none.
        description: the convention, for whoever cites it.
        of: what is scored: each "sample" (baselines too), all "futures" of a clip
            together, or all futures with their "pixels" drawn from the decoder.
        min_size: pixels that a frame needs in height and width.
    """

    score: Callable
    best: Callable | None
    label: str
    unit: str = ""
    description: str = ""
    of: str = "sample"
    min_size: int = 1

    def check(self, name: str) -> None:
        """Raises `ValueError` unless the row makes sense."""
        if self.of not in _OF or self.best not in (*BESTS, None):
            names = ", ".join(best.__name__ for best in BESTS)
            raise ValueError(
                f"Metric {name!r} must have `of` one of {_OF} and `best` one of "
                f"{names} and None (the functions), got {self.of!r} and {self.best!r}."
            )
        if self.of == "sample" and self.best is None:
            raise ValueError(
                f"Metric {name!r} scores single futures, of which the best one is "
                "chosen: give `best` max, min or nearest_one."
            )

    def scored(
        self, name: str, frames: Pixels, truth: Pixels, context: Pixels
    ) -> np.ndarray:
        """The scores, checked.

        Raises:
            ValueError: if they have not the shape, or are infinite.
        """
        scores = np.asarray(self.score(frames, truth, context))
        shape = tuple(frames.shape[:3])
        shape = shape if self.of == "sample" else shape[1:]
        if scores.shape != shape:
            raise ValueError(
                f"Metric {name!r} must give a score for each "
                f"{'future, ' if self.of == 'sample' else ''}clip and frame, {shape} "
                f"of frames {tuple(frames.shape)}, got {scores.shape}."
            )
        if np.isinf(scores).any():
            raise ValueError(
                f"Metric {name!r} gave an infinite score, which has no average: bound "
                "it, or give NaN where a frame has no score."
            )
        return scores

    def as_dict(self) -> dict:
        """What is told of it, as JSON values."""
        return {
            "label": self.label,
            "unit": self.unit,
            "best": self.best and self.best.__name__,
            "of": self.of,
            "description": self.description,
        }
