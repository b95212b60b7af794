"""How two models differ on the same examples, each compared with itself."""

import numpy as np

from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.statistics import mean_and_error


def paired_differences(first: Evaluation, other: Evaluation) -> dict:
    """The differences of `other` from `first`, example by example, and their means.

    What makes an example hard is in both, and drops out: the error of such a mean is
    usually far below those of the two scores (the paired t-test has this error). It is
    over the examples, and says nothing of how much another training run would differ.

    Args:
        first: `Evaluation` of a model.
        other: that of another one, on the same examples.

    Returns:
        dict of JSON values: `scores` (metric -> source -> `mean`, `error` and `count`
        of `other` - `first`) and `likelihood` (name -> the same). What one of them has
        not, or has for no example, is left out.

    Raises:
        ValueError: if the two are not over the same examples.

    Example:
        >>> found = [evaluate_images(model, pixels) for model in (first, other)]
        >>> paired_differences(*found)["scores"]["psnr"]["reconstruction"]["mean"]
    """
    fingerprints = [one.metrics["data"].get("fingerprint") for one in (first, other)]
    if len(set(fingerprints)) > 1:
        raise ValueError(
            "`first` and `other` were evaluated on different examples: only those on "
            "the same ones are compared one by one."
        )
    return {
        part: _differences(first.values.get(part, {}), other.values.get(part, {}))
        for part in ("scores", "likelihood")
    }


def _differences(first, other):
    """Of two nested dicts of arrays, what is in both."""
    if not isinstance(first, dict):
        values = np.asarray(other, np.float64) - np.asarray(first, np.float64)
        values = values[~np.isnan(values)]
        return mean_and_error(values)._asdict() if len(values) else {}
    found = {
        name: _differences(first[name], other[name]) for name in first if name in other
    }
    return {name: part for name, part in found.items() if part}
