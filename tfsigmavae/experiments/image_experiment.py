"""One training run of an image VAE from its options to summary, model and pictures."""

import dataclasses
import functools
import hashlib
import pathlib
import typing
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from tfsigmavae import models
from tfsigmavae.callbacks import ImagePreview
from tfsigmavae.data import images
from tfsigmavae.evaluation.evaluation import Evaluation
from tfsigmavae.evaluation.images.evaluation import evaluate_images
from tfsigmavae.experiments.experiment import Experiment
from tfsigmavae.experiments.image_scores import image_scores
from tfsigmavae.models.image_vae import ImageVAE
from tfsigmavae.typing import PathLike


@dataclasses.dataclass(frozen=True)
class ImageExperiment(Experiment):
    """Options of a run; network, optimizer and steps default to the paper's for SVHN.

    Nothing but evaluation and previews looks at test images. Evaluation draws the same
    noise each time, see `image_scores`: a run of given options has the same figures.

    Args:
        data: data set or folder, see `tfsigmavae.data.images.load`.
        model: `"conv"` for `ConvVAE` or `"hierarchical"` for `HierarchicalVAE`, or a
            class derived from `ImageVAE`.
        model_options, decoder, decoder_options, beta: see `Experiment`.
        steps: training steps. Defaults to 10 epochs of SVHN.
        batch_size, learning_rate, decay_from, warm_up_steps: see `Experiment`.
        kl_ramp, gradient_accumulation_steps, preview_every: see `Experiment`.
        precision, recalibration_steps, seed: see `Experiment`.
        root: folder that holds the data set's files. Defaults to `None`, the usual
            places.
        image_size: height and width to scale to. Defaults to `None`, as they are.
        crop: `"square"` to cut out the centred square first. Defaults to `None`.
        channels: 1 or 3, to turn all images into grey or RGB. Defaults to `None`.
        num_train: training images, drawn from all of them by a seed of their own.
            Defaults to `None`, all.
        num_test: test images, the first ones. Defaults to `None`, all.
        validation_images: test images, the first ones, that are evaluated every 100
            steps for `history.csv`; nothing is chosen by them.

    Raises:
        TypeError: if model or decoder have no such option.
        ValueError: if an option is out of range.

    Example:
        >>> ImageExperiment(steps=1000, decoder="shared_sigma").run("runs/shared")

    Reference: Rybkin et al., 2021.
    """

    data: str = "fashion_mnist"
    model: str | type = "conv"
    steps: int = 5730
    batch_size: int = 128
    learning_rate: float = 1e-3
    root: PathLike | None = None
    image_size: int | None = None
    crop: Literal["square"] | None = None
    channels: int | None = None
    num_train: int | None = None
    num_test: int | None = None
    validation_images: int = 0

    models: typing.ClassVar = models.MODELS
    shape_names: typing.ClassVar = ("image_shape",)
    example: typing.ClassVar = "image"
    kind: typing.ClassVar = "image"
    captions: typing.ClassVar = {
        "samples": "Samples",
        "reconstructions": "Reconstructions",
    }

    @classmethod
    def find_model(cls, identifier: str | type) -> type:
        return models.get(identifier)

    @functools.cached_property
    def train_images(self) -> np.ndarray:
        """The training images, uint8 `[N, H, W, C]`."""
        return _drawn(self._load("train"), self.num_train, "num_train")

    @functools.cached_property
    def test_images(self) -> np.ndarray:
        """The test images, uint8 `[N, H, W, C]`."""
        test = self._load("test")
        _check_available(self.num_test, "num_test", test)
        test = test[: self.num_test]
        _check_available(self.validation_images, "validation_images", test)
        return test

    def _load(self, split):
        return images.load(
            self.data,
            split,
            size=self.image_size,
            crop=self.crop,
            channels=self.channels,
            root=self.root,
        )

    def check_data(self) -> None:
        test, train = self.test_images, self.train_images
        if test.shape[1:] != train.shape[1:]:
            raise ValueError(
                "`data` must have training and test images of one shape, got "
                f"{train.shape[1:]} and {test.shape[1:]}. Set `image_size`."
            )

    def data_digest(self) -> dict[str, Any]:
        splits = {"train": self.train_images, "test": self.test_images}
        return {
            split: {
                "images": len(array),
                "sha256": hashlib.sha256(np.ascontiguousarray(array)).hexdigest(),  # pyright: ignore[reportArgumentType]
            }
            for split, array in splits.items()
        }

    def shape_arguments(self) -> dict[str, Any]:
        return {"image_shape": self.train_images.shape[1:]}

    def train_batches(
        self, start_step: int = 0, share: tuple[int, int] = (0, 1)
    ) -> tf.data.Dataset:
        """Endless training batches, from step `start_step` on."""
        return images.batches(
            self.train_images,
            self.batch_size,
            shuffle=True,
            seed=self.seed,
            repeat=True,
            start_step=start_step,
            share=share,
        )

    def validation_batches(self) -> tf.data.Dataset | None:
        validation = self.test_images[: self.validation_images]
        return images.batches(validation) if len(validation) else None

    def callbacks(self, folder: pathlib.Path) -> list:
        return [self._preview(folder / "samples")]

    def _preview(self, folder):
        return ImagePreview(folder, self.test_images[:32], self.preview_steps)

    def evaluate(self, model: ImageVAE, found: Evaluation | None = None) -> dict:
        """Scores on the test images, see `image_scores`.

        Args:
            model: what `make_model` gave, trained.
            found: not needed.

        Returns:
            dict of floats. `train_mse` is over at most 5000 training images.
        """
        num_train = min(5000, len(self.train_images))
        some = _drawn(self.train_images, num_train, "num_train")
        return image_scores(model, self.test_images, some)

    def evaluate_by_protocol(
        self, model: ImageVAE, folder: pathlib.Path | None = None
    ) -> Evaluation:
        return evaluate_images(
            model,
            self.test_images,
            "glance",
            folder,
            data={"path": self.data, "split": "test", "held_out": True},
            title=None if folder is None else folder.parent.resolve().name,
            train_images=self.train_images,
            with_pictures=False,
            with_report=False,  # that of the run shows it
        )

    def draw(self, model: ImageVAE, folder: pathlib.Path) -> dict:
        samples, reconstructions = self._preview(folder).write(model)
        return {"samples": samples, "reconstructions": reconstructions}

    def on_noise(self, folder: pathlib.Path) -> "ImageExperiment":
        small = dataclasses.replace(
            self,
            steps=2,
            gradient_accumulation_steps=min(2, self.gradient_accumulation_steps),
            warm_up_steps=min(2, self.warm_up_steps),
            batch_size=2,
            num_train=None,
            num_test=None,
        )
        size = self.image_size or 28
        shape = (max(32, self.validation_images), size, size, self.channels or 1)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        # In place of what the properties would load.
        vars(small).update(train_images=noise, test_images=noise)
        return small


def _drawn(array, num, name):
    """`num` of the images, always the same ones, in the order of the files."""
    _check_available(num, name, array)
    if num is None or num == len(array):
        return array
    chosen = np.random.default_rng(0).choice(len(array), num, replace=False)
    return array[np.sort(chosen)]


def _check_available(num, name, array):
    if num is not None and num > len(array):
        raise ValueError(
            f"`{name}` must be at most the {len(array)} images there are, got {num}."
        )
