"""How two models differ on the same examples, each compared with itself."""

import numpy as np

from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.statistics import mean_and_error

# Of the likelihood, what is of one kind for all decoders.
_OF_ALL = ("kl", "bits_per_dim_mass")


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

    Nats and bits of densities and of probabilities are two kinds of figures: of
    decoders of both kinds only `kl` and `bits_per_dim_mass` are compared.

    Raises:
        ValueError: if the two are not over the same examples, by the same protocol, or
            do not hold what their means are of.

    Example:
        >>> found = [evaluate_images(model, pixels) for model in (first, other)]
        >>> paired_differences(*found)["scores"]["psnr"]["reconstruction"]["mean"]
    """
    if not (first.values and other.values):
        raise ValueError(
            "`first` and `other` must be what `evaluate` or `evaluate_images` gives, "
            "with `values`; those of files are in metrics.csv."
        )
    if not alike(first, other):
        raise ValueError(
            "`first` and `other` must be evaluated on the same examples by the same "
            "protocol: only then are they compared one by one."
        )
    nats = _differences(first.values["likelihood"], other.values["likelihood"])
    if _measure(first) != _measure(other):
        nats = {name: nats[name] for name in _OF_ALL if name in nats}
    scores = _differences(first.values["scores"], other.values["scores"])
    return {"scores": scores, "likelihood": nats}


def alike(first: Evaluation, other: Evaluation) -> bool:
    """Whether two evaluations are over the same examples, by the same protocol."""
    prints = [one.metrics["data"].get("fingerprint") for one in (first, other)]
    protocols = [one.metrics["protocol"] for one in (first, other)]
    return prints[0] == prints[1] is not None and protocols[0] == protocols[1]


def _measure(evaluation):
    return (evaluation.metrics.get("likelihood") or {}).get("measure")


def _differences(first, other, name=""):
    """Of two nested dicts of arrays, what is in both."""
    if not isinstance(first, dict):
        values = np.asarray(other, np.float64) - np.asarray(first, np.float64)
        values = values[~np.isnan(values)]
        if not np.isfinite(values).all():
            raise ValueError(f"{name.strip()} is infinite for some examples.")
        return mean_and_error(values)._asdict() if len(values) else {}
    found = {
        key: _differences(first[key], other[key], f"{name} {key}")
        for key in first
        if key in other
    }
    return {key: part for key, part in found.items() if part}
