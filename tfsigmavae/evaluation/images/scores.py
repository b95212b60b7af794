"""Scores of single images, from one pass over them: averages come last."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfsigmavae.calibration import NoPITError, distribution_statistics
from tfsigmavae.evaluation.images.metrics import fitting
from tfsigmavae.math import nats_to_bits_per_dim, to_unit_range
from tfsigmavae.models import VariationalModel
from tfsigmavae.models.seeding import explicit_noise
from tfsigmavae.progress import Progress


@dataclasses.dataclass
class ImageScores:
    """What is known of each image.

    Attributes:
        scores: metric -> source -> `[N]`.
        likelihood: name -> `[N]`, in nats or bits.
        num_dims: int, pixels times channels.
        rates: `[K]`, mean over the images of the rate of each latent, or `None`.
        calibration: list of `distribution_statistics`, one for each of the first
            images; empty where there are none.
        not_calibrated: str, why there are none, or `None`.
        measure: str, what the decoder's likelihood is, `"density"` or `"mass"`;
            `None` where it is neither.
        no_bound: str, why the likelihood has no bound that was asked for, or `None`.
    """

    scores: dict
    likelihood: dict
    num_dims: int
    rates: np.ndarray | None = None
    calibration: list = dataclasses.field(default_factory=list)
    not_calibrated: str | None = None
    no_bound: str | None = None
    measure: str | None = None


def score_images(model, images, mean_image, protocol, quiet=False) -> ImageScores:
    """Scores reconstructions, likelihood and calibration image by image.

    Reconstructions are from posterior means; likelihood, rate and calibration are those
    of one posterior sample. Noise is that of the seed and of the number of the batch.

    Args:
        model: an `ImageVAE`.
        images: `[N, H, W, C]`, uint8 or floating in [0, 1].
        mean_image: `[H, W, C]` in [0, 1], the baseline.
        protocol: `ImageProtocol`.
        quiet: whether to say nothing of the progress. Defaults to `False`.

    Returns:
        `ImageScores`.
    """
    progress = Progress(len(images), "images", quiet=quiet, what="Scoring")
    calibrator = _Calibrator(protocol.calibration_images)
    scores, likelihood, rates = [], [], []
    size = protocol.batch_size
    for number, start in enumerate(range(0, len(images), size)):
        batch = model.to_images(images[start : start + size])
        seed = _seed(protocol.seed, number)
        with explicit_noise(model, seed):
            terms = model.elbo_terms(batch, training=False)
        scores.append(_scores(model, batch, mean_image))
        likelihood.append(_likelihood(model, terms))
        calibrator.add(terms, seed)
        if (of_batch := model.latent_rates(batch)) is not None:
            rates.append(np.sum(of_batch, 0, np.float64))
        progress.add(len(batch))
        progress.show()
    progress.close()
    likelihood = _joined(likelihood)
    no_bound = _no_bound(model) if protocol.importance_samples else None
    if protocol.importance_samples and no_bound is None:
        likelihood["bound"] = np.asarray(_bound(model, images, protocol, quiet))
    return ImageScores(
        {name: _joined(each[name] for each in scores) for name in scores[0]},
        likelihood,
        int(np.prod(images.shape[1:])),
        np.sum(rates, 0) / len(images) if rates else None,
        calibrator.statistics,
        calibrator.reason,
        no_bound,
        model.decoder.measure,
    )


def _no_bound(model):
    """Why there is no bound of a model, or `None`: it is one that tells none."""
    kind = type(model)
    if kind.importance_sampler is not VariationalModel.importance_sampler:
        return None
    return (
        f"{kind.__name__} has no `importance_sampler`, so that there is no "
        "importance-weighted bound: compare by the ELBO."
    )


class _Calibrator:
    """Collects the statistics of the first images."""

    def __init__(self, num_images):
        self.statistics, self.reason = [], None
        self._missing = num_images

    def add(self, terms, seed):
        if not self._missing:
            return
        try:
            found = distribution_statistics(
                terms.likelihood, terms.target, seed, per_example=True
            )
        except NoPITError as error:
            # A fact about the decoder, to be told beside the figures that there are.
            self.statistics, self.reason, self._missing = [], str(error), 0
            return
        self.statistics += found[: self._missing]
        self._missing -= min(self._missing, len(found))


def _scores(model, batch, mean_image):
    rows = fitting(batch.shape[1:])
    mean = tf.broadcast_to(to_unit_range(mean_image), batch.shape)
    pictures = {"reconstruction": model.reconstruct(batch), "mean_image": mean}
    return {
        name: {
            source: row.scored(name, shown, batch) for source, shown in pictures.items()
        }
        for name, row in rows.items()
    }


def _likelihood(model, terms):
    """Of each image of a batch: nats, and bits where they have a meaning."""
    nll, kl, num_dims = terms.nll, terms.kl, terms.num_dims
    found = {"elbo": -(nll + kl), "nll": nll, "kl": kl}
    decoder = model.decoder
    if decoder.measure is not None:
        found["bits_per_dim"] = decoder.bits_per_dim(nll + kl, num_dims)
        mass = nll + kl
        if decoder.measure == "density":
            mass = kl - terms.likelihood.log_mass(terms.target)
        found["bits_per_dim_mass"] = nats_to_bits_per_dim(mass, num_dims, density=False)
    return {name: values.numpy() for name, values in found.items()}


def _bound(model, images, protocol, quiet):
    progress = Progress(len(images), "images", quiet=quiet, what="Bound")
    size = protocol.batch_size
    batches = (images[start : start + size] for start in range(0, len(images), size))
    found = model.log_likelihood(
        progress.counted(batches), protocol.importance_samples, protocol.seed
    )
    progress.close()
    return found


def _joined(parts):
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _seed(seed, number):
    """A seed for each batch; those of neighbouring seeds share none."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)
