"""What must be equal before any timing counts, in a process of its own.

    python -m benchmarking.gate SETTINGS

The module of a case says what to compare: its `compare(settings)` gives a dict of name
-> (difference, largest that is allowed). One line of JSON is the verdict.
"""

import importlib
import json
import math
import signal
import sys

import numpy as np

from benchmarking.worker import Channel, end_with_parent


def judge(differences) -> dict:
    """The verdict.

    Args:
        differences: dict of name -> (difference, largest that is allowed).

    Returns:
        dict of `passed`, `message` and `differences`.
    """
    worse = {
        name: f"{name} differs by {difference:.2g}, allowed is {limit:.0e}"
        for name, (difference, limit) in differences.items()
        if math.isnan(difference) or difference > limit
    }
    good = ", ".join(f"{name} to {d:.1e}" for name, (d, _) in differences.items())
    return {
        "passed": not worse,
        "message": "; ".join(worse.values()) + "." if worse else good,
        "differences": {
            name: difference for name, (difference, _) in differences.items()
        },
    }


def relative(values, expected) -> float:
    """Norm of the difference over the norm of what is expected."""
    values, expected = np.asarray(values), np.asarray(expected)
    distance, norm = np.linalg.norm(values - expected), np.linalg.norm(expected)
    return float(distance / norm) if norm else float(distance > 0)


def largest(values, expected) -> float:
    """The largest difference of two arrays."""
    return float(np.max(np.abs(np.asarray(values) - np.asarray(expected))))


def worst(differences) -> float:
    """The largest of some differences; NaN if one is, which `max` would lose."""
    return float(np.max(list(differences)))


def _without_tf32():
    """On a GPU, TensorFloat-32 would make what is equal differ by 1e-3."""
    if tf := sys.modules.get("tensorflow"):
        tf.config.experimental.enable_tensor_float_32_execution(False)


def main():
    channel = Channel()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    end_with_parent()
    settings = json.loads(sys.argv[1])
    module = importlib.import_module(settings["module"])
    _without_tf32()
    channel.send(judge(module.compare(settings)))


if __name__ == "__main__":
    main()
