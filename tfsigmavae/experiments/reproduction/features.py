"""The network whose features the Frechet distance compares: a small classifier."""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import keras
import numpy as np

from tfsigmavae.data.images.labels import load_labels
from tfsigmavae.metrics import frechet_distance

_NUM_FEATURES = 64
_BATCH_SIZE = 64
_SEED = 0


class FeatureNetwork:
    """A trained classifier up to its last hidden layer, and what to compare with.

    Args:
        folder: where `train_features` put it.
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.record = json.loads((folder / "features.json").read_text())
        self.available = self.record["network"] is not None
        if self.available:
            classifier: Any = keras.saving.load_model(folder / "classifier.keras")
            self._features = keras.Model(
                classifier.inputs[0], classifier.get_layer("features").output
            )
            self.references = np.load(folder / "references.npy")

    def __call__(self, pixels) -> np.ndarray:
        """Features of images, uint8 or floating in [0, 1]: float32 `[N, 64]`."""
        return _predict(self._features, pixels)

    def distance(self, pixels) -> float:
        """Frechet distance of images from the test images."""
        return frechet_distance(self(pixels), self.references)


def train_features(experiment, folder, num_samples) -> dict:
    """Trains the classifier on all labelled training images; scores and saves it.

    Three convolutions, a hidden layer of 64 ReLUs, Adam at 1e-3; the seed is fixed, so
    that all runs of one folder are measured by one network.

    Args:
        experiment: `ImageExperiment`, for its data.
        folder: for `classifier.keras`, `references.npy` (features of the test images)
            and `features.json`, written last.
        num_samples: training images in the floor, the distance of real images.

    Returns:
        The record: network, SHA-256 of its weights, test accuracy, counts, floor;
        `network` is `None` if the data have no labels.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labels = {
        split: load_labels(experiment.data, split, experiment.root)
        for split in ("train", "test")
    }
    if labels["train"] is None:
        record = {"network": None}
    else:
        record = _train(experiment, labels, folder, num_samples)
    (folder / "features.json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def _train(experiment, labels, folder, num_samples):
    every = dataclasses.replace(
        experiment, num_train=None, num_test=None, validation_images=0
    )
    pixels = {"train": every.train_images, "test": every.test_images}
    # Two passes over 60,000 images, and about as many steps over fewer.
    epochs = min(max(2, round(120_000 / len(pixels["train"]))), 14)
    keras.utils.set_random_seed(_SEED)
    classifier: Any = _make_classifier(
        pixels["train"].shape[1:], int(labels["train"].max()) + 1
    )
    train, test = (_to_float(pixels[split]) for split in ("train", "test"))
    classifier.fit(train, labels["train"], _BATCH_SIZE, epochs=epochs, verbose=2)
    _, accuracy = classifier.evaluate(test, labels["test"], 500, verbose=0)
    classifier.save(folder / "classifier.keras")
    features = keras.Model(
        classifier.inputs[0], classifier.get_layer("features").output
    )
    test = pixels["test"][: experiment.num_test]
    references = _predict(features, test)
    np.save(folder / "references.npy", references)
    # Spread over the training images, which may be sorted by class.
    order = np.random.default_rng(_SEED).permutation(len(pixels["train"]))
    real = _predict(features, pixels["train"][order[:num_samples]])
    weights = b"".join(weight.tobytes() for weight in classifier.get_weights())
    return {
        "network": "classifier of three 3x3 convolutions (16, 32, 64 channels, strides "
        f"1, 2, 2) and {_NUM_FEATURES} ReLU features",
        "epochs": epochs,
        "num_train": len(pixels["train"]),
        "num_test": len(test),
        "test_accuracy": round(float(accuracy), 4),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "floor": frechet_distance(real, references),
        "floor_samples": len(real),
    }


def _make_classifier(shape, num_classes):
    layers = keras.layers
    classifier = keras.Sequential(
        [
            keras.Input(shape),
            *(
                layers.Conv2D(width, 3, stride, padding="same", activation="relu")
                for width, stride in [(16, 1), (32, 2), (64, 2)]
            ),
            layers.Flatten(),
            layers.Dense(_NUM_FEATURES, activation="relu", name="features"),
            layers.Dense(num_classes),
        ]
    )
    classifier.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return classifier


def _predict(features, pixels):
    return np.concatenate(
        [
            features(_to_float(pixels[start : start + 500])).numpy()
            for start in range(0, len(pixels), 500)
        ]
    )


def _to_float(pixels):
    pixels = np.asarray(pixels)
    return pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels
