"""Distances of features: samples and reconstructions from test images."""

import numpy as np

from tfsigmavae.evaluation.feature_distances import distances, few_rows
from tfsigmavae.math import to_unit_range
from tfsigmavae.progress import Progress

# Most samples where the protocol leaves it open, those of the literature.
MOST_SAMPLES = 10_000


def image_distances(model, images, protocol, extractor, quiet=True) -> dict:
    """Frechet and kernel distance of samples and of reconstructions from test images.

    Samples are the decoder's means, without pixel noise.

    Args:
        model: an `ImageVAE`.
        images: `[N, H, W, C]`, uint8 or floating in [0, 1].
        protocol: `ImageProtocol`.
        extractor: network of single images, see `tfsigmavae.metrics.extractors`.
        quiet: whether to say nothing of the progress. Defaults to `True`.

    Returns:
        dict as of `distances`: a row for the samples under the name of the distance,
        and one for the reconstructions.
    """
    num_samples = protocol.num_samples or min(len(images), MOST_SAMPLES)
    progress = Progress(len(images), "images", quiet=quiet, what="Features")
    batches = progress.counted(_batches(images, protocol))
    pairs = [_of_batch(model, extractor, batch) for batch in batches]
    progress.close()
    real, reconstructed = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    samples = _of_samples(model, extractor, num_samples, protocol, quiet)
    features = {
        "real": real[:, None],
        "reconstruction": reconstructed[:, None],
        "sample": samples[:, None],
    }
    found = {}
    for name, row in distances(features, extractor).items():
        others = row.pop("others")
        found[name] = row | {"label": f"{name}, samples"}
        found[f"{name} of reconstructions"] = row | {
            "label": f"{name}, reconstructions",
            "value": others["reconstruction"],
            "error": None,
            "num_generated": len(images),
            "warning": row["warning"] and few_rows(len(images), samples.shape[1]),
        }
    return found


def _of_batch(model, extractor, images):
    reconstructions = np.clip(model.reconstruct(images), 0.0, 1.0)
    real = np.clip(to_unit_range(images), 0.0, 1.0)
    return extractor(real), extractor(reconstructions)


def _of_samples(model, extractor, num_samples, protocol, quiet):
    size = protocol.batch_size
    progress = Progress(num_samples, "samples", quiet=quiet, what="Features")
    rows = []
    for number, start in enumerate(range(0, num_samples, size)):
        seed = np.random.SeedSequence([protocol.seed, number, 1]).generate_state(1)[0]
        num = min(size, num_samples - start)
        samples = model.sample(num, seed=int(seed >> 1))
        rows.append(extractor(np.clip(samples, 0.0, 1.0)))
        progress.add(num)
        progress.show()
    progress.close()
    return np.concatenate(rows)


def _batches(images, protocol):
    size = protocol.batch_size
    return (images[start : start + size] for start in range(0, len(images), size))
