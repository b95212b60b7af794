"""One call from an image model and test images to numbers that can be cited."""

import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsigmavae import files
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.feature_distances import LEAST_SAMPLES
from tfsigmavae.evaluation.images.distances import image_distances
from tfsigmavae.evaluation.images.pictures import image_pictures
from tfsigmavae.evaluation.images.protocol import ImageProtocol
from tfsigmavae.evaluation.images.results import image_results
from tfsigmavae.evaluation.images.scores import score_images
from tfsigmavae.evaluation.model_record import check_weights, model_record
from tfsigmavae.evaluation.partial_results import writable_folder
from tfsigmavae.evaluation.report import write_report
from tfsigmavae.evaluation.tidy_csv import write_tidy_csv
from tfsigmavae.metrics import extractors
from tfsigmavae.metrics.extractors.extractor import Extractor
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.runs import environment
from tfsigmavae.typing import Array, PathLike


def evaluate_images(
    model: ImageVAE,
    images: Array,
    protocol: str | ImageProtocol = "images",
    output: PathLike | None = None,
    extractor: PathLike | Extractor | Callable[[Any], Any] | None = None,
    data: dict[str, Any] | None = None,
    title: str | None = None,
    train_images: Array | None = None,
    quiet: bool = False,
    with_pictures: bool = True,
    with_report: bool = True,
    **changes: Any,
) -> Evaluation:
    """Scores an image VAE by a protocol.

    Every figure has its standard error over the images, and the same call gives the
    same figures. Beside the reconstructions stands a baseline that every model must
    beat, the mean image.

    Args:
        model: an `ImageVAE`.
        images: `[N, H, W, C]` held-out pixels, uint8 or floating in [0, 1].
        protocol: name of a preset of `tfsigmavae.evaluation.images.PROTOCOLS`, or an
            `ImageProtocol`.
        output: folder for `metrics.json`, `metrics.csv` (a row for each number) and
            `report.html`. Defaults to `None`, nothing is written.
        extractor: network for distances of features, see
            `tfsigmavae.metrics.extractors.get`. Defaults to the protocol's.
        data: dict of JSON values that tell what the images are, such as path and split,
            kept in the result. Defaults to `None`, nothing.
        title: what the model is called. Defaults to its name.
        train_images: `[M, H, W, C]`, whose mean is the baseline. Defaults to `None`:
            the mean of `images`, which no model may look at, and which is better.
        quiet: whether to say nothing of the progress. Defaults to `False`.
        with_pictures: whether to draw pictures. Defaults to `True`.
        with_report: whether to write `report.html`. Defaults to `True`.
        **changes: fields of the protocol to change, see `ImageProtocol`.

    Returns:
        `Evaluation`.

    Raises:
        TypeError: if the model is no `ImageVAE`, or its decoder is not one of pixels.
        ValueError: if images or extractor do not fit the model.

    Example:
        >>> found = evaluate_images(model, images.load("fashion_mnist", "test"))
        >>> found.metrics["likelihood"]["elbo"]["mean"]
    """
    protocol = ImageProtocol.get(protocol, **changes)
    chosen = _checked(model, images)[: protocol.num_images]
    check_weights(model)
    extractor = extractor or protocol.extractor
    extractor = None if extractor is None else extractors.get(extractor)
    _check_extractor(extractor, chosen)
    if output is not None:
        writable_folder(output)
    mean_image = _mean_image(chosen if train_images is None else train_images)
    scored = score_images(model, chosen, mean_image, protocol, quiet)
    metrics = {
        "format": 1,
        "kind": "image",
        "title": title or model.name,
        "protocol": protocol.as_dict() | _told(extractor),
        "model": model_record(model) | {"latents": model.num_latents},
        "data": _data(images, chosen) | (data or {}),
        "distances": {},
        **image_results(
            scored, protocol, "test" if train_images is None else "training"
        ),
    }
    if extractor is not None:
        metrics["distances"] = image_distances(
            model, chosen, protocol, extractor, quiet
        )
    metrics["environment"] = environment()
    pictures = []
    if with_pictures:
        psnr = scored.scores["psnr"]["reconstruction"]
        pictures = image_pictures(model, chosen, psnr, protocol)
    if output is not None:
        output = pathlib.Path(output)
        _write(output, metrics, scored)
        if with_report:
            write_report(output / "report.html", [metrics], pictures)
    values = {"scores": scored.scores, "likelihood": scored.likelihood}
    return Evaluation(metrics, pictures, values)


def _check_extractor(extractor, images):
    if extractor is None:
        return
    if extractor.per != "image":
        raise ValueError(
            f"`extractor` {extractor.name!r} takes clips: choose one of single images."
        )
    if len(images) < LEAST_SAMPLES:
        raise ValueError(
            f"Distances of features need {LEAST_SAMPLES} images at least, got "
            f"{len(images)}."
        )


def _told(extractor):
    return {} if extractor is None else {"extractor": extractor.record()}


def _checked(model, images):
    if not isinstance(model, ImageVAE):
        raise TypeError(f"`model` must be an ImageVAE, got {type(model).__name__}.")
    if not hasattr(images, "shape"):
        raise TypeError(
            "`images` must be an array [N, H, W, C], as `tfsigmavae.data.images.load` "
            f"gives it, got {type(images).__name__}."
        )
    if getattr(model.decoder, "values", "pixels") != "pixels":
        raise TypeError(
            'PSNR, SSIM and pictures are those of pixels, and the decoder has values="'
            f'{model.decoder.values}": see `tfsigmavae.calibration` and '
            "`log_likelihood` for fields."
        )
    images = np.asarray(images)
    if not len(images):
        raise ValueError("`images` holds no images.")
    model.to_images(images[:1])  # raises what is wrong before anything is computed
    return images


def _mean_image(images):
    """The mean of pixels in [0, 1], without a floating copy of all of them."""
    mean = np.mean(images, 0, np.float64)
    unit = 255.0 if images.dtype == np.uint8 else 1.0
    return (mean / unit).astype(np.float32)


def _data(images, chosen):
    content = np.ascontiguousarray(chosen)
    head = json.dumps([content.shape, content.dtype.name]).encode()
    return {
        "clips": len(chosen),
        "of": len(images),
        "fingerprint": hashlib.sha256(head + content.tobytes()).hexdigest(),
    }


def _write(folder, metrics, scored):
    blocks = [
        (source, name, values, 0)
        for name, sources in scored.scores.items()
        for source, values in sources.items()
    ]
    blocks += [("model", name, values, 0) for name, values in scored.likelihood.items()]
    write_tidy_csv(folder / "metrics.csv", blocks)
    text = json.dumps(metrics, indent=2, allow_nan=False)
    files.write_text(folder / "metrics.json", text + "\n")
