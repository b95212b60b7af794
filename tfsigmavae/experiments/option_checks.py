"""Checks of an experiment's options, before anything is run."""

import dataclasses
import math
import numbers
from typing import Any

from tfsigmavae.checks import check_at_least

# Type of a default -> types that it may be replaced by.
_TYPES = {bool: bool, int: int, float: (float, int), str: str, tuple: (tuple, list)}
# Whole numbers of which 0 is one; all others are at least 1.
_MAY_BE_0 = (
    "seed",
    "validation_images",
    "preview_every",
    "warm_up_steps",
    "recalibration_steps",
)


def check_numbers(options):
    """Raises a `ValueError` for a number of an `Experiment` that is out of range."""
    for field in dataclasses.fields(options):
        value, is_int = getattr(options, field.name), field.type in ("int", int)
        is_int |= field.type in ("int | None", int | None) and value is not None
        if is_int:
            check_at_least(field.name, value, 0 if field.name in _MAY_BE_0 else 1)
    if not 0.0 < options.learning_rate < math.inf:
        raise ValueError(
            f"`learning_rate` must be positive, got {options.learning_rate!r}."
        )
    for name in ("decay_from", "kl_ramp"):
        share: Any = getattr(options, name)
        if not isinstance(share, numbers.Real) or not 0.0 <= float(share) <= 1.0:
            raise ValueError(f"`{name}` must be from 0 to 1, got {share!r}.")
    if options.warm_up_steps > options.steps:
        raise ValueError(
            f"`warm_up_steps` must be from 0 to `steps` ({options.steps}), got "
            f"{options.warm_up_steps}."
        )
    if not 0.0 <= options.beta < math.inf:
        raise ValueError(
            f"`beta` must not be negative or infinite, got {options.beta!r}."
        )
    if options.gradient_accumulation_steps > options.steps:
        raise ValueError(
            "`gradient_accumulation_steps` must be from 1 to `steps` "
            f"({options.steps}), got {options.gradient_accumulation_steps}."
        )


def check_types(values: dict, defaults: dict, what: str):
    """Raises a `TypeError` for a value of another type than its default.

    Args:
        values: name -> value.
        defaults: name -> default; of a default that is `None` the type is not known.
        what: what the values are, for the message.
    """
    for name, value in values.items():
        default = defaults.get(name)
        wanted = _TYPES.get(type(default))
        # A bool is an int to Python.
        is_wrong_flag = isinstance(value, bool) and wanted is not bool
        if wanted and (is_wrong_flag or not isinstance(value, wanted)):
            kind = "list" if wanted == (tuple, list) else type(default).__name__
            raise TypeError(
                f"`{what}` {name!r} must be {kind}, like its default {default!r}, "
                f"got {value!r}."
            )


def check_recorded(thing, options):
    """Raises a `ValueError` for an option that `thing.get_config` forgets."""
    missing = sorted(options.keys() - thing.get_config())
    if missing:
        raise ValueError(
            f"{type(thing).__name__}.get_config must return {', '.join(missing)}: "
            "a saved model would come back without."
        )
