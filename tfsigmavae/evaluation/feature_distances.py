"""Distances between the features of real and of generated data, repeat by repeat."""

import warnings

import numpy as np

from tfsigmavae.metrics import FewSamplesWarning, frechet_distance, kernel_distance

# Fewer rows than this have no kernel distance.
LEAST_ROWS = 4
_NUM_SUBSETS = 100


def distances(features, extractor, generated="sample") -> dict:
    """Frechet and kernel distance of generated from real features.

    Args:
        features: dict of source -> array `[N, R, ..., F]`: N examples, R repeats, more
            rows of an example between. "real" and, if there are, the sources that stand
            beside the generated ones have one repeat.
        extractor: whose features they are, a `tfsigmavae.metrics.extractors.Extractor`.
        generated: name of the generated source. Defaults to `"sample"`.

    Returns:
        dict of the distance's name -> `value` (mean over the repeats, each of one
        generated example for a real one), `error` (of that mean over the repeats; of
        one repeat that of `kernel_distance`, or `None`), `pooled` (all repeats as one
        set; `None` for one repeat), `others` (source -> value), and how far it can be
        trusted: `self_test` (real against itself), `floor` (one half of the real ones
        against the other), `num_real`, `num_generated`, `repeats`, `warning`. Empty for
        fewer than four rows.
    """
    real = _rows(features["real"][:, 0])
    if len(real) < LEAST_ROWS:
        return {}
    repeats = [_rows(one) for one in np.moveaxis(features[generated], 1, 0)]
    others = {
        source: _rows(values[:, 0])
        for source, values in features.items()
        if source not in ("real", generated)
    }
    # Halves of examples, not of rows: those of one example are alike.
    halves = [_rows(features["real"][i::2, 0]) for i in (0, 1)]
    found = {}
    for name, label, distance in (
        (extractor.distance_name, "Frechet distance", _frechet),
        (extractor.kernel_name, "kernel distance", _kernel),
    ):
        is_known = min(map(len, halves)) >= LEAST_ROWS
        found[name] = _averaged(distance, repeats, real) | {
            "label": label,
            "self_test": distance(real, real)[0],
            "floor": distance(*halves)[0] if is_known else None,
            "others": {key: distance(rows, real)[0] for key, rows in others.items()},
            "num_real": len(real),
            "num_generated": len(repeats[0]),
            "repeats": len(repeats),
            "warning": None,
            "extractor": extractor.record(),
        }
    found[extractor.distance_name]["warning"] = _warning(*real.shape)
    return found


def _averaged(distance, repeats, real):
    if len(repeats) == 1:
        value, error = distance(repeats[0], real)
        return {"value": value, "error": error, "pooled": None}
    num_subsets = max(2, _NUM_SUBSETS // len(repeats))
    values = [distance(rows, real, num_subsets)[0] for rows in repeats]
    return {
        "value": float(np.mean(values)),
        "error": float(np.std(values, ddof=1) / np.sqrt(len(values))),
        "pooled": distance(np.concatenate(repeats), real)[0],
    }


def _frechet(features, references, num_subsets=None):
    with warnings.catch_warnings():  # told once, in the result
        warnings.simplefilter("ignore", FewSamplesWarning)
        return frechet_distance(features, references), None


def _kernel(features, references, num_subsets=_NUM_SUBSETS):
    return tuple(kernel_distance(features, references, num_subsets))


def _rows(features):
    return np.asarray(features, np.float64).reshape(-1, features.shape[-1])


def _warning(num_rows, num_features):
    if num_rows >= 2 * num_features:
        return None
    return (
        f"{num_rows:,} rows of {num_features:,} features: fewer than twice as many, so "
        "the Frechet distance is far too large, by an amount that depends on the "
        "number. Compare only figures of the same number."
    )
