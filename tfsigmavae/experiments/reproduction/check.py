"""One figure, its limits, and whether it lies between them."""

import dataclasses
import math
from typing import Any

from tfsigmavae.experiments.reproduction.table import Estimate, format_number


@dataclasses.dataclass(frozen=True)
class Check:
    """One check of one study.

    Args:
        key: letter and number.
        claim: what the figure is.
        value: `Estimate`, or `None` if it was not run.
        low, high: limits of its mean, both allowed.
        gated: whether the limits were measured for this data and schedule, so that a
            figure outside is a failure and not just a figure.
        note: what else to know.
    """

    key: str
    claim: str
    value: Estimate | None
    low: float = -math.inf
    high: float = math.inf
    gated: bool = False
    note: str = ""

    @property
    def passed(self) -> Any:
        """`None` if not run; a figure of a diverged run lies nowhere."""
        return None if self.value is None else self.low <= self.value.mean <= self.high

    @property
    def failed(self):
        return self.gated and self.passed is False

    @property
    def limits(self):
        low, high = format_number(self.low), format_number(self.high)
        if math.isinf(self.low):
            return f"<= {high}" if math.isfinite(self.high) else "none"
        return f"{low} to {high}" if math.isfinite(self.high) else f">= {low}"

    @property
    def verdict(self):
        if self.value is None:
            return "not run"
        words = {True: "pass", False: "FAIL" if self.gated else "outside"}[self.passed]
        return words if self.gated else f"{words}, not gated"
