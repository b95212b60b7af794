"""Made-up contents of `metrics.json`, as large as those of a true evaluation."""

import copy
import io
import math

import numpy as np
from PIL import Image

from tfsigmavae.evaluation.report import Picture

STEPS = 28
METRICS = {
    "psnr": ("PSNR", "dB", "max", "Likeness of pixels, 10 log10 of 1 over the MSE."),
    "ssim": ("SSIM", None, "max", "Gaussian window, sigma 1.5."),
    "mobilenet_v1": ("distance[mobilenet_v1]", None, "min", "Distance of features."),
    "moved": ("PSNR of what moves", "dB", "max", "PSNR over pixels that change."),
}
SOURCES = {
    "best": ("best of 100", "model", 0.0),
    "mean": ("mean over the samples", "model", -0.12),
    "mean_prediction": ("mean prediction", "model", -0.05),
    "copy_last": ("copy last frame", "baseline", -0.3),
    "reconstruction": ("reconstruction", "reference", 0.5),
}
# Value of a good first frame, and how much is lost by the last one.
RANGES = {
    "psnr": (24.0, 8.0),
    "ssim": (0.92, 0.2),
    "mobilenet_v1": (0.05, -0.2),
    "moved": (19.0, 7.0),
}


def video(title="demo", skill=0.0, seed=0):
    """All sections, 28 steps, 5 sources, 4 metrics; `skill` shifts the scores."""
    rng = np.random.default_rng(seed)
    return {
        "format": 1,
        "kind": "video",
        "title": title,
        "protocol": {
            "name": "svg-2-28",
            "modified": {},
            "num_context": 2,
            "num_predicted": STEPS,
            "num_clips": 256,
            "windows": "first",
            "num_samples": 100,
            "selection": "each",
            "extractor": None,
            "seed": 0,
        },
        "model": {
            "file": f"runs/{title}/model.keras",
            "sha256": "0123456789abcdef" * 4,
            "class": "SVGLP",
            "decoder": "optimal_sigma",
            "parameters": 1234567,
            "num_context": 2,
        },
        "data": {
            "path": "data/pushing",
            "split": "test",
            "clips": 256,
            "of": 256,
            "held_out": True,
            "fingerprint": "fedcba9876543210" * 4,
        },
        "metrics": {
            name: {"label": label, "unit": unit, "best": best, "description": text}
            for name, (label, unit, best, text) in METRICS.items()
        },
        "sources": {
            name: {"label": label, "kind": kind}
            for name, (label, kind, _) in SOURCES.items()
        },
        "scores": {
            metric: {
                name: _score(
                    np.random.default_rng(number),
                    RANGES[metric],
                    worth + skill * (kind == "model"),
                )
                for number, (name, (_, kind, worth)) in enumerate(SOURCES.items())
            }
            for metric in METRICS
        },
        "distances": {
            "frechet[mobilenet_v1]": {
                "label": "frechet[mobilenet_v1]",
                "value": 12.345,
                "error": 0.31,
                "pooled": 11.2,
                "num_real": 256,
                "num_generated": 256,
                "repeats": 100,
                "self_test": 3.2e-9,
                "floor": 4.1,
                "warning": "256 examples are fewer than twice the 1,024 features.",
                "extractor": {
                    "name": "mobilenet_v1",
                    "per": "image",
                    "num_features": 1024,
                    "sha256": "ab" * 32,
                },
            },
            "kernel[mobilenet_v1]": {"value": 0.0213, "error": 0.0017},
        },
        "likelihood": _likelihood(rng),
        "rates": {
            "mean": [
                float(x) for x in rng.exponential(0.4, 16) * (rng.random(16) > 0.3)
            ],
            "unit": "nats per frame",
            "active": 11,
            "threshold": 0.01,
            "num_latents": 16,
        },
        "surprise": _surprise(rng),
        "calibration": {"posterior": _posterior(rng), "futures": _futures(rng)},
        "environment": {
            "tfsigmavae": "0.2.0",
            "python": "3.12.1",
            "processor": "Some Processor (avx512f)",
            "cpus": 2,
            "gpus": [],
        },
        "seconds": 321.5,
    }


def image(title="digits"):
    """An evaluation of images: no curves, no futures."""
    found = video(title)
    for name in ("surprise", "sources"):
        found[name] = {}
    found["kind"], found["protocol"]["name"] = "image", "images"
    found["sources"] = {"reconstruction": {"label": "reconstruction", "kind": "model"}}
    found["scores"] = {
        name: {
            "reconstruction": {"mean": 21.5, "error": 0.1, "count": 1000, "curve": None}
        }
        for name in ("psnr", "ssim")
    }
    found["likelihood"]["frames"] = None
    posterior = found["calibration"]["posterior"]
    posterior["sigma"]["steps"] = posterior["pit"]["steps"] = None
    found["calibration"] = {"posterior": posterior}
    return found


def minimal(title="trained"):
    """What there is of a run that was only trained."""
    return {"format": 1, "kind": "video", "title": title}


def changed(found, **parts):
    """A copy with other parts."""
    return copy.deepcopy(found) | parts


def history(num_rows=60):
    """Rows as `read_history` gives them."""
    return [
        {
            "epoch": row,
            "step": 100.0 * (row + 1),
            "loss": -140000 - 30000 * (1 - math.exp(-row / 12)),
            "val_loss": -139000 - 29000 * (1 - math.exp(-row / 12)),
            "kl": 60 + 100 * math.exp(-row / 9),
            "sigma": 0.03 + 0.07 * math.exp(-row / 10),
        }
        for row in range(num_rows)
    ]


def pictures():
    """Animations of three clips, and a map."""
    found = [
        Picture(f"The {kind} clip", f"Its {kind} futures", _gif(), "image/gif", "Clips")
        for kind in ("best", "median", "worst")
    ]
    text = "Standard deviation over the samples; brighter is less certain."
    png = io.BytesIO()
    Image.fromarray(_noise([64, 256, 3])).save(png, "png")
    label = "Uncertainty over the horizon"
    picture = Picture(label, label, png.getvalue(), "image/png", "Uncertainty", text)
    return [*found, picture]


def _score(rng, spread, worth):
    first, lost = spread
    steps = np.arange(STEPS) / STEPS
    curve = first - lost * (1 - np.exp(-3 * steps)) + worth * lost
    curve += rng.normal(0, 0.01 * abs(lost), STEPS)
    return {
        "mean": float(curve.mean()),
        "error": abs(lost) * 0.02,
        "count": 256,
        "curve": curve.tolist(),
        "curve_error": (abs(lost) * 0.05 * (0.2 + steps)).tolist(),
    }


def _likelihood(rng):
    def one(mean, error):
        return {"mean": mean, "error": error, "count": 256}

    frame = np.arange(1, 30)
    return {
        "elbo": one(171234.5, 321.0),
        "bound": one(171300.1, 320.0),
        "num_importance_samples": 16,
        "nll": one(-171300.0, 320.0),
        "kl": one(65.5, 1.2),
        "bits_per_dim": one(2.345, 0.012),
        "num_dims": 356352,
        "frames": {
            "frame": frame.tolist(),
            "log_likelihood": (6000 - 40 * frame + rng.normal(0, 20, 29)).tolist(),
            "error": [30.0] * 29,
            "kl": (2 + np.exp(-frame / 5)).tolist(),
            "kl_error": [0.1] * 29,
        },
    }


def _surprise(rng):
    frame = list(range(1, 30))
    kinds = ("most", "median", "least")
    clips = [
        {
            "clip": 17 * number,
            "name": "a.mp4" if number == 0 else None,
            "kind": kind,
            "frame": frame,
            "nats": (rng.normal(0, 150, 29) - 6000 + 900 * (2 - number)).tolist(),
        }
        for number, kind in enumerate(kinds)
    ]
    return {"clips": clips, "mean": [-5900.0] * 29}


def _pit(rng, hollow, steps):
    x = (np.arange(40) + 0.5) / 40
    shape = 1 + hollow * ((2 * x - 1) ** 2 - 1 / 3)

    def deviates(density):
        return float(np.abs(density - 1).mean())

    return {
        "density": shape.tolist(),
        "calibrated": 1.0,
        "deviation": deviates(shape),
        "error": [0.02] * 40,
        "steps": [(shape + rng.normal(0, 0.05, 40)).tolist() for _ in range(steps)],
    }


def _posterior(rng):
    def at(sigma):
        return {"rmse": sigma * 1.02, "sigma": sigma, "ratio": 1.02}

    return {
        "label": "reconstructions (posterior sample)",
        "sigma": {
            **at(0.049),
            "error": 0.01,
            "calibrated": 1.0,
            "channels": [at(0.045), at(0.049), at(0.052)],
            "steps": [at(0.04 + 0.001 * step) for step in range(29)],
        },
        "pit": _pit(rng, 0.1, 29),
        "coverage": {
            "levels": [0.5, 0.8, 0.9, 0.95],
            "share": [0.51, 0.79, 0.895, 0.94],
            "error": [0.01, 0.01, 0.005, 0.004],
        },
    }


def _futures(rng):
    spread = 0.03 + 0.002 * np.arange(STEPS)
    steps = [{"spread": s, "skill": 1.4 * s, "ratio": 1 / 1.4} for s in spread.tolist()]
    crps = [{"value": s, "expected": s / 1.3, "ratio": 1.3} for s in spread.tolist()]
    return {
        "label": "sampled futures, with the decoder's noise",
        "pit": _pit(rng, 1.2, STEPS),
        "coverage": {
            "levels": [0.5, 0.8, 0.9, 0.95],
            "share": [0.36, 0.61, 0.71, 0.79],
            "error": [0.01, 0.01, 0.01, 0.01],
        },
        "spread_skill": {
            "ratio": 0.714,
            "error": 0.02,
            "calibrated": 1.0,
            "spread": 0.05,
            "skill": 0.07,
            "steps": steps,
        },
        "crps": {
            "value": 0.031,
            "error": 0.001,
            "expected": 0.024,
            "ratio": 1.29,
            "calibrated": 1.0,
            "steps": crps,
        },
        "num_members": 100,
    }


def _noise(shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _gif():
    frames = [Image.fromarray(_noise([64, 448, 3])) for _ in range(3)]
    written = io.BytesIO()
    frames[0].save(written, "gif", save_all=True, append_images=frames[1:])
    return written.getvalue()
