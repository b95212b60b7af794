"""From scores of clips and steps to what is told: averages come last."""

import numpy as np
import tensorflow as tf

from tfsigmavae import calibration
from tfsigmavae.evaluation.directions import loss
from tfsigmavae.evaluation.feature_distances import distances
from tfsigmavae.evaluation.statistics import mean_and_error
from tfsigmavae.math import nats_to_bits_per_dim
from tfsigmavae.metrics import active_units
from tfsigmavae_video.evaluation.protocol import EACH

# A latent that tells more than this of a frame, in nats, counts as active.
_ACTIVE = 0.01
_SOURCES = {
    "best": ("best of {num_samples}", "model"),
    "mean": ("average future", "model"),
    "mean_prediction": ("mean of futures", "model"),
    "futures": ("all futures", "model"),
    "copy_last": ("copy last frame", "baseline"),
    "mean_frame": ("mean given frame", "baseline"),
    "posterior_rollout": ("posterior rollout", "reference"),
    "reconstruction": ("reconstruction", "reference"),
}


def results(arrays, protocol, rows, model, extractor=None, names=None) -> dict:
    """The sections of `metrics.json` that come of scores.

    Args:
        arrays: of `ClipScorer`, of all clips.
        protocol: `Protocol` with a number for `num_context`.
        rows: name -> `Metric`.
        model: the `VideoModel`.
        extractor: the one whose features `arrays` hold, or `None`.
        names: what each clip is called. Defaults to `None`, nothing.

    Returns:
        dict of JSON values without NaN.
    """
    scores = score_table(arrays, protocol, rows)
    metrics = {name: rows[name].as_dict() for name in scores}
    found = {"metrics": metrics, "scores": scores, "distances": {}}
    if extractor is not None:
        found["distances"] = distances(_features(arrays), extractor)
        if extractor.per == "image":
            _add_feature_distance(found, arrays, extractor)
    sources = {source for row in scores.values() for source in row}
    found["sources"] = {
        name: {"label": label.format(num_samples=protocol.num_samples), "kind": kind}
        for name, (label, kind) in _SOURCES.items()
        if name in sources
    }
    return found | _likelihood_sections(arrays, model, names) | _calibration(arrays)


def clip_values(arrays, protocol, rows, model) -> dict:
    """What `results` has the means of: `values` of an `Evaluation`."""
    frames = frame_scores(arrays, protocol, rows)
    scores = {
        name: {source: _nanmean(values, -1) for source, values in sources.items()}
        for name, sources in frames.items()
    }
    nats = _nats(arrays)
    return {"scores": scores, "likelihood": _clip_likelihood(nats, model)}


def sample_averages(arrays, name):
    """Average over time of each future by one metric, `[N, S]`."""
    return _nanmean(arrays[f"sample/{name}"], -1)


def best_samples(arrays, protocol, rows, name):
    """Number of each clip's best future by one metric, or by the one that selects."""
    by = name if protocol.selection == EACH else protocol.selection
    losses = loss(rows[by].best.__name__, sample_averages(arrays, by))
    return np.argmin(np.where(np.isnan(losses), np.inf, losses), 1)


def score_table(arrays, protocol, rows) -> dict:
    """Metric -> source -> mean and error over clips, in all and of each step."""
    return {
        name: {source: _curve(values) for source, values in sources.items()}
        for name, sources in frame_scores(arrays, protocol, rows).items()
    }


def frame_scores(arrays, protocol, rows) -> dict:
    """Metric -> source -> `[N, T]`, the score of each clip's frames."""
    found = {}
    for name, row in rows.items():
        if row.of != "sample":
            found[name] = {"futures": arrays[f"futures/{name}"]}
            continue
        samples = arrays[f"sample/{name}"]
        best = best_samples(arrays, protocol, rows, name)
        found[name] = {
            "best": samples[np.arange(len(best)), best],
            "mean": _nanmean(samples, 1),
        } | {
            source: arrays[f"{source}/{name}"]
            for source in _SOURCES
            if f"{source}/{name}" in arrays
        }
    return found


def _curve(values):
    """Mean over clips with its error, of time averages and of each step `[N, T]`."""
    steps = [_mean_and_error(step) for step in np.transpose(values)]
    return _mean_and_error(_nanmean(values, -1)) | {
        "curve": [step["mean"] for step in steps],
        "curve_error": [step["error"] for step in steps],
    }


def _mean_and_error(values):
    """Of the values that are there; a score may not be defined for every frame."""
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return {"mean": None, "error": None, "count": 0}
    return mean_and_error(values)._asdict()


def _nanmean(values, axis):
    """NaN, without a warning, where there is nothing."""
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis), known.sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _add_feature_distance(found, arrays, extractor):
    name = f"feature_distance[{extractor.name}]"
    found["metrics"][name] = {
        "label": f"Distance of {extractor.name} features",
        "unit": "",
        "best": "min",
        "of": "sample",
        "description": "squared distance of unit-length features of single frames; of "
        "the futures whose features were taken. Not LPIPS",
    }
    features = {k: _unit_length(v) for k, v in _features(arrays).items()}
    real = features.pop("real")
    found["scores"][name] = {
        "mean" if source == "sample" else source: _curve(
            np.square(values - real).sum(-1).mean(1)
        )
        for source, values in features.items()
    }


def _features(arrays):
    """Source -> features of the arrays that hold any."""
    prefix = "features/"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if prefix in k}


def _unit_length(features):
    features = np.asarray(features, np.float64)
    return features / np.maximum(
        np.linalg.norm(features, axis=-1, keepdims=True), 1e-12
    )


def _nats(arrays):
    """Name -> `[N, frames]` of what is known of the likelihood."""
    return {
        key.partition("/")[2]: np.asarray(values, np.float64)
        for key, values in arrays.items()
        if key.startswith("likelihood/")
    }


def _likelihood_sections(arrays, model, names):
    nats = _nats(arrays)
    if not nats:
        return {"likelihood": None, "rates": None, "surprise": None}
    num_frames = nats["nll"].shape[1]
    frames = [model.first_scored_frame + i for i in range(num_frames)]
    found = {"likelihood": _likelihood(nats, model, frames), "rates": None}
    if "rates" in arrays:
        rates = np.asarray(arrays["rates"], np.float64)
        found["rates"] = {
            "mean": _numbers(rates.mean((0, 1))),
            "unit": "nats per frame",
            "active": active_units(rates, _ACTIVE),
            "threshold": _ACTIVE,
            "num_latents": rates.shape[-1],
        }
    return found | {"surprise": _surprise(-_per_frame(nats), frames, names)}


def _likelihood(nats, model, frames):
    log_likelihood = _step_means(_per_frame(nats), "log_likelihood", "error")
    told = {"frame": frames} | log_likelihood
    if "kl" in nats:
        told |= _step_means(nats["kl"], "kl", "kl_error")
    values = _clip_likelihood(nats, model)
    found = {name: _mean_and_error(of_clips) for name, of_clips in values.items()}
    facts = {"num_dims": _num_dims(nats, model), "measure": model.decoder.measure}
    return found | facts | {"frames": told}


def _num_dims(nats, model):
    return int(np.prod(model.frame_shape)) * nats["nll"].shape[1]


def _clip_likelihood(nats, model):
    """Name -> `[N]`: sums over the frames of each clip, and bits per dimension."""
    if not nats:
        return {}
    sums = {name: values.sum(1) for name, values in nats.items()}
    if "kl" in sums:
        sums["elbo"] = -(sums["nll"] + sums["kl"])
    found = {k: sums[k] for k in ("elbo", "bound", "nll", "kl") if k in sums}
    measure = model.decoder.measure
    return found | _bits_per_dim(sums, measure, _num_dims(nats, model))


def _per_frame(nats):
    """The tightest bound there is: importance-weighted, ELBO, or nll alone."""
    return nats.get("bound", -(nats["nll"] + nats.get("kl", 0.0)))


def _step_means(values, name, error_name):
    steps = [_mean_and_error(step) for step in np.transpose(values)]
    return {
        name: [step["mean"] for step in steps],
        error_name: [step["error"] for step in steps],
    }


def _bits_per_dim(sums, measure, num_dims):
    """Bits of the bounds there are, by the bridge and by exact mass."""
    if measure is None or "elbo" not in sums:
        return {}
    mass = sums["log_mass"] - sums["kl"]
    is_density = measure == "density"
    return {
        name: nats_to_bits_per_dim(tf.constant(-values), num_dims, density).numpy()
        for name, values, density in (
            ("bits_per_dim", sums["elbo"], is_density),
            ("bits_per_dim_bound", sums.get("bound"), is_density),
            ("bits_per_dim_mass", mass, False),
        )
        if values is not None
    }


def _surprise(nats, frames, names):
    """Nats per frame of the clips that surprise the model most, least and in between.

    Args:
        nats: `[N, frames]`, -log p of each frame given those before.
    """
    order = np.argsort(-nats.mean(1), kind="stable")
    kinds = {"most": order[0], "median": order[len(order) // 2], "least": order[-1]}
    clips = [
        {
            "clip": int(clip),
            "name": None if names is None else names[clip],
            "kind": kind,
            "frame": frames,
            "nats": _numbers(nats[clip]),
        }
        for kind, clip in kinds.items()
    ]
    return {"clips": clips, "mean": _numbers(nats.mean(0))}


def _calibration(arrays):
    summaries = {
        "posterior": calibration.distribution_summary,
        "futures": calibration.ensemble_summary,
    }
    labels = {
        "posterior": "reconstructions, of a posterior sample",
        "futures": "sampled futures, with the decoder's noise",
    }
    found = {}
    for kind, summary in summaries.items():
        prefix = f"calibration/{kind}/"
        stacked = {
            key.removeprefix(prefix): values
            for key, values in arrays.items()
            if key.startswith(prefix)
        }
        if stacked:
            num = len(next(iter(stacked.values())))
            parts = [{k: v[i] for k, v in stacked.items()} for i in range(num)]
            found[kind] = {"label": labels[kind]} | summary(parts)
    return {"calibration": found}


def _numbers(values):
    return [float(f"{value:.7g}") for value in values]
