"""Distances between the features of real and of generated data, repeat by repeat."""

import numpy as np

from tfsigmavae.metrics import frechet_distance, kernel_distance

_GENERATED = "sample"


def distances(arrays, extractor) -> dict:
    """Frechet and kernel distance of generated from real features.

    Args:
        arrays: dict with `features/real` `[N, 1, ..., F]`, `features/sample`
            `[N, R, ..., F]` and, if there are, those of baselines, as the real ones.
            Axes between are more rows.
        extractor: whose features they are, see `tfsigmavae.metrics.extractors`.

    Returns:
        dict of the distance's name -> `value` (mean of the R repeats, each of one
        generated example for a real one), `error` (of that mean over the repeats;
        `None` for one), `pooled` (all repeats as one set; `None` for one repeat),
        `baselines`, and how far it can be trusted: `self_test` (real against itself),
        `floor` (one half of the real ones against the other), `num_real`,
        `num_generated`, `repeats`, `warning`.
    """
    real = _rows(arrays["features/real"][:, 0])
    repeats = np.moveaxis(arrays[f"features/{_GENERATED}"], 1, 0)
    baselines = {
        key.partition("/")[2]: _rows(values[:, 0])
        for key, values in arrays.items()
        if key.startswith("features/") and values.shape[1] == 1
    }
    baselines = {k: v for k, v in baselines.items() if k not in ("real", _GENERATED)}
    found = {}
    for name, label, distance in (
        (extractor.distance_name, "Frechet distance", frechet_distance),
        (extractor.kernel_name, "kernel distance", _kernel_value),
    ):
        if len(real) < 2:
            continue
        values = [distance(_rows(repeat), real) for repeat in repeats]
        # Halves of clips, not of frames: those of one clip are alike.
        halves = [_rows(arrays["features/real"][i::2, 0]) for i in (0, 1)]
        found[name] = {
            "label": label,
            "value": float(np.mean(values)),
            "error": _error(values),
            "pooled": _pooled(distance, repeats, real),
            "self_test": distance(real, real),
            "floor": distance(*halves) if min(map(len, halves)) > 1 else None,
            "baselines": {k: distance(v, real) for k, v in baselines.items()},
            "num_real": len(real),
            "num_generated": len(_rows(repeats[0])),
            "repeats": len(repeats),
            "warning": _warning(len(real), real.shape[1]),
            "extractor": extractor.record(),
        }
    return found


def _rows(features):
    return np.asarray(features, np.float64).reshape(-1, features.shape[-1])


def _kernel_value(features, references):
    return kernel_distance(features, references).value


def _error(values):
    if len(values) < 2:
        return None
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _pooled(distance, repeats, real):
    return distance(_rows(repeats), real) if len(repeats) > 1 else None


def _warning(num_rows, num_features):
    if num_rows >= 2 * num_features:
        return None
    return (
        f"{num_rows:,} rows of {num_features:,} features: fewer than twice as many, so "
        "the Frechet distance is far too large, by an amount that depends on the "
        "number. Compare only figures of the same number."
    )
