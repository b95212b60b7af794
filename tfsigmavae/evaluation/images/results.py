"""From scores of single images to what is told: averages come last."""

from tfsigmavae.calibration import distribution_summary
from tfsigmavae.evaluation.images.metrics import METRICS
from tfsigmavae.evaluation.statistics import mean_and_error
from tfsigmavae.metrics import active_units

# A latent that tells more than this of an image, in nats, counts as active.
_ACTIVE = 0.01


def image_results(scored, protocol, mean_of) -> dict:
    """The sections of `metrics.json` that come of scores.

    Args:
        scored: `ImageScores`.
        protocol: `ImageProtocol`.
        mean_of: `"training"` or `"test"`, the images whose mean is the baseline.

    Returns:
        dict of JSON values without NaN.
    """
    return {
        "metrics": {name: METRICS[name].as_dict() for name in scored.scores},
        "sources": {
            "reconstruction": {"label": "reconstruction", "kind": "model"},
            "mean_image": {"label": f"mean {mean_of} image", "kind": "baseline"},
        },
        "scores": {
            name: {source: _score(values) for source, values in sources.items()}
            for name, sources in scored.scores.items()
        },
        "likelihood": _likelihood(scored, protocol),
        "rates": _rates(scored.rates),
        "surprise": None,
        "calibration": _calibration(scored),
        "notes": [n for n in (scored.not_calibrated, scored.no_bound) if n],
    }


def _score(values):
    return mean_and_error(values)._asdict() | {"curve": None, "curve_error": None}


def _likelihood(scored, protocol):
    found = {
        name: mean_and_error(values)._asdict()
        for name, values in scored.likelihood.items()
    }
    if "bound" in found:
        found["num_importance_samples"] = protocol.importance_samples
    facts = {"num_dims": scored.num_dims, "measure": scored.measure}
    return found | facts | {"frames": None}


def _rates(rates):
    if rates is None:
        return None
    return {
        "mean": rates.tolist(),
        "unit": "nats per image",
        "active": active_units(rates[None], _ACTIVE),
        "threshold": _ACTIVE,
        "num_latents": len(rates),
    }


def _calibration(scored):
    if not scored.calibration:
        return None
    return {"posterior": distribution_summary(scored.calibration)}
