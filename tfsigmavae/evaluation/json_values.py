"""Figures as JSON has them."""

import math

import numpy as np


def json_values(value):
    """Gives nested figures as plain JSON values; a number that is not finite is null.

    Args:
        value: nest of dicts, lists, tuples, arrays, numbers, texts and `None`.
    """
    if isinstance(value, dict):
        return {key: json_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return json_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
