"""Figures as people read them."""

import math
import numbers
from typing import Any

NOTHING = "–"
_MINUS = "\N{MINUS SIGN}"


def is_number(value) -> bool:
    """Whether there is a finite number."""
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def number(value, digits: int = 4) -> str:
    """A number with as many digits as mean something, or a dash where there is none."""
    if not is_number(value):
        return NOTHING
    if isinstance(value, numbers.Integral) or abs(value) >= 10**digits - 0.5:
        return f"{value:,.0f}".replace("-", _MINUS)
    if value != 0 and abs(value) < 1e-4:
        return f"{value:.{digits - 2}e}".replace("-", _MINUS)
    text = f"{value:#.{digits}g}".rstrip(".")
    return text.replace("-", _MINUS)


def estimate(mean, error: Any = None) -> str:
    """A mean and its standard error, both to the second digit of the error."""
    if not is_number(mean) or not is_number(error) or error <= 0:
        return number(mean)
    places = 1 - math.floor(math.log10(error))
    if not 0 <= places <= 6:
        return f"{number(mean)} ± {number(error, 2)}"
    return f"{mean:,.{places}f} ± {error:.{places}f}".replace("-", _MINUS)


def value_text(value) -> str:
    """Any JSON value as text: of options, records and protocols."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value)) or "none"
    return str(value)


def flat(values: dict, prefix: str = ""):
    """Yields pairs of name and text; what is in a dict has "name.name"."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "none" if value == {} else value_text(value)
