"""Scores of a finished run beside its summary: samples, information, bounds."""

import csv
import math

import numpy as np

from tfsigmavae.metrics import split_rate

_BATCH_SIZE = 250
_NUM_BOUND = 500
_NUM_SHOWN = 32
IMPORTANCE_SAMPLES = 16


def score_run(model, test_images, features, num_samples) -> tuple:
    """Scores a trained model.

        fd, fd_reconstructions   Frechet distances from all test images; of decoder
                                 means, absent without a feature network
        information ... prior_gap_limit   see `split_rate`, over all test images
        negative_bound, bound_gain        of 500 test images: the importance-weighted
                                 bound of 16 samples, and its gain over one sample
        batch_difference         largest relative change of an image's likelihood
                                 between a batch of many and a batch of its own, as
                                 the target of the decoder and without one

    Args:
        model: a `ConvVAE`.
        test_images: uint8 `[N, H, W, C]`.
        features: `FeatureNetwork`.
        num_samples: int, how many samples and reconstructions to compare.

    Returns:
        dict of floats, and dict of uint8 pictures: `samples`, `reconstructions`,
        `images`.
    """
    samples = _sample(model, num_samples)
    rebuilt = _by_batch(model.reconstruct, test_images[:num_samples])
    posteriors = [model.posterior(batch) for batch in _batches(test_images)]
    scores = split_rate(
        np.concatenate([posterior.mean() for posterior in posteriors]),
        np.concatenate([posterior.stddev() for posterior in posteriors]),
    )
    if features.available:
        scores["fd"] = features.distance(samples)
        scores["fd_reconstructions"] = features.distance(rebuilt)
        scores["fd_floor"] = features.record["floor"]
    scores["fd_samples"] = len(samples)
    scores |= _bounds(model, test_images[:_NUM_BOUND])
    scores["batch_difference"] = _batch_difference(model, test_images[:_BATCH_SIZE])
    pictures = {
        "samples": _to_levels(samples[:_NUM_SHOWN]),
        "reconstructions": _to_levels(rebuilt[:_NUM_SHOWN]),
        "images": test_images[:_NUM_SHOWN],
    }
    return {name: float(value) for name, value in scores.items()}, pictures


def curve(history_file) -> dict:
    """Validation -ELBO and sigma over the steps of a run.

    Args:
        history_file: `history.csv` of a run folder, a row every 100 steps.

    Returns:
        dict of lists: `step`; `negative_elbo`, empty without validation; `sigma`.
    """
    with open(history_file, newline="") as lines:
        # By epoch: an interrupted one has two rows, of which the last is whole.
        rows = {int(row["epoch"]): row for row in csv.DictReader(lines)}
    curves: dict[str, list] = {"step": [100 * (epoch + 1) for epoch in rows]}
    columns = {"negative_elbo": ("val_nll", "val_kl"), "sigma": ("sigma",)}
    for name, parts in columns.items():
        # Keras writes NA where there was no validation.
        known = all(
            row.get(part, "NA") != "NA" for row in rows.values() for part in parts
        )
        curves[name] = [
            sum(float(row[part]) for part in parts) for row in rows.values() if known
        ]
    return curves


def _batches(images):
    return [
        images[start : start + _BATCH_SIZE]
        for start in range(0, len(images), _BATCH_SIZE)
    ]


def _by_batch(function, images):
    return np.concatenate([np.asarray(function(batch)) for batch in _batches(images)])


def _sample(model, num):
    sizes = [min(_BATCH_SIZE, num - start) for start in range(0, num, _BATCH_SIZE)]
    return np.concatenate(
        [np.asarray(model.sample(size, seed=i)) for i, size in enumerate(sizes)]
    )


def _bounds(model, images):
    bounds = [
        np.mean(model.log_likelihood(images, count, seed=0, batch_size=_BATCH_SIZE))
        for count in (1, IMPORTANCE_SAMPLES)
    ]
    return {"negative_bound": -bounds[1], "bound_gain": bounds[1] - bounds[0]}


def _batch_difference(model, images):
    """Of images given the means of their posteriors: nothing here is drawn.

    The decoder has the images as its target, which it must not look at: a sigma fitted
    to them depends on the batch, or is another one without a target.
    """

    def log_likelihood(batch, target):
        dist = model.generate(model.encode(batch), target=target, training=False)
        return np.asarray(dist.log_prob(batch))

    singles = [images[i : i + 1] for i in range(min(8, len(images)))]
    together = log_likelihood(images, images)[: len(singles)]
    scale = np.maximum(np.abs(together), math.prod(images.shape[1:]))
    alone = [np.concatenate([log_likelihood(x, x) for x in singles])]
    alone += [np.concatenate([log_likelihood(x, None) for x in singles])]
    return np.max(np.abs(together - alone) / scale)


def _to_levels(images):
    return np.round(np.asarray(images) * 255.0).astype(np.uint8)
