"""What is run: decoders, seeds and schedules of each preset."""

import dataclasses
import math
import pathlib
import re
from typing import Any

from tfsigmavae.decoders import FixedSigma
from tfsigmavae.decoders.identifier import DecoderName
from tfsigmavae.experiments.image_experiment import ImageExperiment


@dataclasses.dataclass(frozen=True)
class Variant:
    """One decoder of the comparison.

    Args:
        label: what tables and pictures call it.
        decoder: see `ImageExperiment`.
        options: of the decoder.
        beta: of a beta-VAE, whose sigma is sqrt(beta / 2); `None` for the others.
        cost: of a training step, that of `optimal_sigma` being 1 (small network,
            measured).
    """

    label: str
    decoder: DecoderName
    options: dict = dataclasses.field(default_factory=dict)
    beta: Any = None
    cost: float = 1.0


def _beta_vae(beta, label=None):
    options = {"sigma": FixedSigma.from_beta(beta).sigma}
    return Variant(label or f"beta {beta:g}", "fixed_sigma", options, beta)


VARIANTS = {
    "optimal": Variant("optimal sigma", "optimal_sigma"),
    "shared_fast": Variant(
        "shared sigma, rate x10", "shared_sigma", {"learning_rate_factor": 10.0}
    ),
    "shared": Variant("shared sigma, rate x1", "shared_sigma"),
    "beta_0.001": _beta_vae(0.001),
    "beta_0.01": _beta_vae(0.01),
    "beta_0.03": _beta_vae(0.03),
    "beta_0.1": _beta_vae(0.1),
    "beta_1": _beta_vae(1.0),
    "unit": _beta_vae(2.0, "unit variance (beta 2)"),
    "beta_10": _beta_vae(10.0),
    "per_image": Variant("optimal sigma per image", "optimal_sigma_per_image"),
    "per_pixel": Variant("sigma per pixel", "per_pixel_sigma", cost=1.1),
    "student_t": Variant("Student's t", "student_t", cost=1.3),
    "bitwise": Variant("bitwise categorical", "bitwise_categorical", cost=1.25),
    "logistic_mixture": Variant(
        "logistic mixture", "logistic_mixture", {"num_mixtures": 5}, cost=2.0
    ),
    "categorical": Variant("categorical", "categorical", cost=8.5),
}
BETAS = [key for key, variant in VARIANTS.items() if variant.beta is not None]
# The grid of the sweep that a person would search; the rest is for the curves.
SEARCHED_BETAS = ["beta_0.01", "beta_0.03", "beta_0.1"]
DISCRETE = ["bitwise", "logistic_mixture", "categorical"]
# Evaluated along the way, for the question of convergence.
CONVERGENCE = ["optimal", "shared_fast", "shared"]

_MAIN = ["optimal", "shared_fast", *SEARCHED_BETAS, "unit", "per_pixel"]
_QUICK = [*_MAIN, "shared", "bitwise"]


@dataclasses.dataclass(frozen=True)
class Study:
    """One data set, one network, one schedule: the runs that are compared.

    Args:
        key: short name, in files and tables.
        options: what all its runs share, see `ImageExperiment`.
        seeds: variant -> how many seeds.
        thresholds: whose measured figures the checks are gated by, `"fashion"` or
            `"cifar"`; `None`: figures are printed and judged by nobody.
        num_samples: prior samples, and reconstructions, of a Frechet distance.
        step_seconds: CPU seconds of a training step with `optimal_sigma`, measured.
    """

    key: str
    options: dict
    seeds: dict
    thresholds: str | None = None
    num_samples: int = 5000
    step_seconds: float = 0.03

    @property
    def steps(self):
        return self.options["steps"]

    def runs(self) -> list:
        """Every run, the slowest first: the last ones to finish are then short."""
        runs = [
            self._run(variant, seed)
            for variant, count in self.seeds.items()
            for seed in range(count)
        ]
        return sorted(runs, key=lambda run: (-run.cost, run.seed))

    def _run(self, key, seed):
        variant = VARIANTS[key]
        watched, num_test = key in CONVERGENCE, self.options.get("num_test") or 1000
        experiment = ImageExperiment(
            **self.options,
            decoder=variant.decoder,
            decoder_options=variant.options,
            validation_images=min(1000, num_test) if watched else 0,
            preview_every=0,
            recalibration_steps=0,  # the running sigma is one of the questions
            seed=seed,
        )
        training = self.steps * self.step_seconds * variant.cost
        return Run(
            f"{self.key}-{key}-{seed}", self.key, key, seed, experiment, training
        )


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of a study; `cost` is its estimated CPU seconds, scoring aside."""

    name: str
    study: str
    variant: str
    seed: int
    experiment: ImageExperiment
    cost: float


def make_plan(preset, data="fashion_mnist", color_data=None, root=None) -> list:
    """The studies of a preset.

    Args:
        preset: `"quick"`, `"laptop"` or `"paper"`.
        data: grey images, see `tfsigmavae.data.images.load`; in `paper` the images
            that stand for SVHN, scaled to 28x28.
        color_data: 32x32 colour images. Defaults to `None`: left out.
        root: folder of the files of a named data set.

    Returns:
        List of `Study`.

    Raises:
        ValueError: for an unknown preset.
    """
    makers = {"quick": _quick, "laptop": _laptop, "paper": _paper}
    if preset not in makers:
        raise ValueError(f"`preset` must be one of {sorted(makers)}, got {preset!r}.")
    return _with_own_keys(makers[preset](data, color_data, root))


def _with_own_keys(studies):
    """Two folders may have one name: the second of them is `NAME_2`."""
    named = {}
    for study in studies:
        key, number = study.key, 1
        while key in named:
            number += 1
            key = f"{study.key}_{number}"
        named[key] = dataclasses.replace(study, key=key)
    return list(named.values())


def _quick(data, color_data, root):
    options = _small(data, root, latent_size=20, num_train=20_000, steps=1200)
    return [Study(_key(data), options, dict.fromkeys(_QUICK, 1), _known(data))]


def _laptop(data, color_data, root):
    options = _small(data, root, latent_size=20, steps=3000)
    seeds = dict.fromkeys(_MAIN, 3)
    single = ["beta_0.001", "beta_1", "beta_10", "shared", "per_image", "student_t"]
    seeds |= dict.fromkeys([*single, "bitwise", "logistic_mixture", "categorical"], 1)
    studies = [Study(_key(data), options, seeds, _known(data))]
    if color_data:
        options = _small(color_data, None, latent_size=64, steps=1500)
        studies.append(
            Study(
                _key(color_data),
                options,
                dict.fromkeys(_MAIN, 2),
                _known(color_data),
                step_seconds=0.042,
            )
        )
    return studies


def _paper(data, color_data, root):
    seeds = dict.fromkeys(VARIANTS, 3) | dict.fromkeys(_MAIN, 5)
    sets = [(data, root, 28, 20, 5730), ("mnist", None, None, 20, 4690)]
    if color_data:
        sets.append((color_data, None, None, 64, 3910))
    return [
        Study(
            _key(source),
            {
                "data": source,
                "root": folder,
                "image_size": size,
                "model_options": {"latent_size": latent_size, "widths": [32, 64, 128]},
                "steps": steps,
                "batch_size": 128,
            },
            seeds,
            num_samples=10_000,
        )
        for source, folder, size, latent_size, steps in sets
    ]


def _small(data, root, latent_size, steps, num_train=None):
    """The paper's network at a quarter of its width, with a shorter schedule."""
    return {
        "data": data,
        "root": root,
        "num_train": num_train,
        "model_options": {"latent_size": latent_size, "widths": [8, 16, 32]},
        "steps": steps,
        "batch_size": 64,
        "decay_from": 0.75,
    }


def _key(data):
    name = pathlib.Path(data).stem or "data"
    return re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")


# Fashion-MNIST by exactly its name; CIFAR-10, no CIFAR-100, also as a part of it.
_KNOWN = {
    "fashion": r"(tfds:)?fashion[-_]?mnist(\.\w+)?",
    "cifar": r"(tfds:)?cifar[-_]?10(\D.*)?",
}


def _known(data):
    """Whose thresholds hold for a data set, as far as its name tells."""
    name = pathlib.Path(data).name.lower()
    found = (key for key, names in _KNOWN.items() if re.fullmatch(names, name))
    return next(found, None)


def effective_beta(sigma: float) -> float:
    """The beta at which a beta-VAE of the paper's convention has this sigma."""
    return 2.0 * math.pow(sigma, 2)
