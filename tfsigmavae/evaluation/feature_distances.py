"""Distances between the features of real and of generated data, repeat by repeat."""

import math
import warnings

import numpy as np

from tfsigmavae.metrics import FewSamplesWarning, frechet_distance, kernel_distance

# Fewer samples than this have no distance.
LEAST_SAMPLES = 4
_NUM_SUBSETS = 100


def distances(features, extractor, generated="sample") -> dict:
    """Frechet and kernel distance of generated from real features.

    Args:
        features: dict of source -> array `[N, R, ..., F]`: N examples, R repeats, more
            rows of an example between, which are no samples of their own. "real" and,
            if there are, the sources that stand beside the generated ones have one
            repeat.
        extractor: whose features they are, a `tfsigmavae.metrics.extractors.Extractor`.
        generated: name of the generated source. Defaults to `"sample"`.

    Returns:
        dict of the distance's name -> `value` (mean over the repeats, each of one
        generated example for a real one), `error` (of that mean over the repeats; of
        one repeat that of `kernel_distance`, or `None`), `pooled` (all repeats as one
        set; `None` for one repeat), `others` (source -> value), and how far it can be
        trusted: `self_test` (real against itself), `floor` (one half of the real ones
        against the other), `num_real`, `num_generated`, `repeats`, `warning`. Numbers
        are those of rows. A Frechet distance needs four rows, a kernel distance four
        examples; what there is too little for is left out.
    """
    # Halves of examples, not of rows: those of one example are alike.
    parts = (slice(None), slice(0, None, 2), slice(1, None, 2))
    real, half, other_half = (_samples(features["real"][part, 0]) for part in parts)
    repeats = [_samples(one) for one in np.moveaxis(features[generated], 1, 0)]
    others = {
        source: _samples(values[:, 0])
        for source, values in features.items()
        if source not in ("real", generated)
    }
    found = {}
    for name, label, distance, size in (
        (extractor.distance_name, "Frechet distance", _frechet, _num_rows),
        (extractor.kernel_name, "kernel distance", _kernel, len),
    ):
        if size(real) < LEAST_SAMPLES:
            continue
        is_known = min(size(half), size(other_half)) >= LEAST_SAMPLES
        found[name] = _averaged(distance, repeats, real) | {
            "label": label,
            "self_test": distance(real, real)[0],
            "floor": distance(half, other_half)[0] if is_known else None,
            "others": {key: distance(rows, real)[0] for key, rows in others.items()},
            "num_real": _num_rows(real),
            "num_generated": _num_rows(repeats[0]),
            "repeats": len(repeats),
            "warning": None,
            "extractor": extractor.record(),
        }
    if extractor.distance_name in found:
        fewest = min(_num_rows(real), _num_rows(repeats[0]))
        found[extractor.distance_name]["warning"] = few_rows(fewest, real.shape[-1])
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
    matrices = (rows.reshape(-1, rows.shape[-1]) for rows in (features, references))
    with warnings.catch_warnings():  # told once, in the result
        warnings.simplefilter("ignore", FewSamplesWarning)
        return frechet_distance(*matrices), None


def _kernel(features, references, num_subsets: int = _NUM_SUBSETS):
    return tuple(kernel_distance(features, references, num_subsets))


def _samples(features):
    """`[N, ..., F]` -> `[N, T, F]`."""
    features = np.asarray(features, np.float64)
    num, *between, size = features.shape
    return features.reshape(num, math.prod(between), size)


def _num_rows(samples):
    return samples.shape[0] * samples.shape[1]


def few_rows(num_rows, num_features):
    """What to say of a Frechet distance of the fewer of two sets, `None` if nothing."""
    if num_rows >= 2 * num_features:
        return None
    return (
        f"{num_rows:,} rows of {num_features:,} features: fewer than twice as many, so "
        "the Frechet distance is far too large, by an amount that depends on the "
        "number. Compare only figures of the same number."
    )
