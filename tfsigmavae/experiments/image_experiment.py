"""One training run of an image VAE from its options to summary, model and pictures."""

import dataclasses
import functools
import inspect
import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

from tfsigmavae import decoders
from tfsigmavae.callbacks import ImagePreview
from tfsigmavae.data import images
from tfsigmavae.experiments.image_scores import image_scores
from tfsigmavae.models import ConvVAE, HierarchicalVAE
from tfsigmavae.run_folder import RunFolder
from tfsigmavae.schedules import ConstantThenLinear

_MODELS = {"conv": ConvVAE, "hierarchical": HierarchicalVAE}


@dataclasses.dataclass(frozen=True)
class ImageExperiment:
    """Options of a run; network, optimizer and steps default to the paper's for SVHN.

    Nothing but evaluation and previews looks at test images. Evaluation draws the same
    noise each time, see `image_scores`: a run of given options has the same figures.

    Args:
        data: data set or folder, see `tfsigmavae.data.images.load`.
        root: folder that holds the data set's files. Defaults to `None`, the usual
            places.
        image_size: height and width to scale to. Defaults to `None`, as they are.
        crop: `"square"` to cut out the centred square first. Defaults to `None`.
        channels: 1 or 3, to turn all images into grey or RGB. Defaults to `None`.
        num_train: training images, drawn from all of them by a seed of their own.
            Defaults to `None`, all.
        num_test: test images, the first ones. Defaults to `None`, all.
        model: `"conv"` for `ConvVAE` or `"hierarchical"` for `HierarchicalVAE`.
        model_options: dict of its constructor arguments.
        decoder: name, see `tfsigmavae.decoders.names`.
        decoder_options: dict of its constructor arguments.
        beta: KL weight.
        steps: training steps. Defaults to 10 epochs of SVHN.
        batch_size: images per step.
        learning_rate: of Adam.
        decay_from: share of the steps after which the learning rate falls in a straight
            line to 5 %; 1 for never.
        precision: `"float32"` or `"mixed_bfloat16"`.
        validation_images: test images, the first ones, that are evaluated every 100
            steps for `history.csv`; nothing is chosen by them.
        preview_every: steps between pictures in `samples/`; 0 for the last only.
        seed: of weights, noise and order of the data.

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> ImageExperiment(steps=1000, decoder="shared_sigma").run("runs/shared")

    Reference: Rybkin et al., 2021.
    """

    data: str = "fashion_mnist"
    root: str | None = None
    image_size: int | None = None
    crop: str | None = None
    channels: int | None = None
    num_train: int | None = None
    num_test: int | None = None
    model: str = "conv"
    model_options: dict = dataclasses.field(default_factory=dict)
    decoder: str = "optimal_sigma"
    decoder_options: dict = dataclasses.field(default_factory=dict)
    beta: float = 1.0
    steps: int = 5730
    batch_size: int = 128
    learning_rate: float = 1e-3
    decay_from: float = 1.0
    precision: str = "float32"
    validation_images: int = 0
    preview_every: int = 500
    seed: int = 0

    def __post_init__(self):
        if self.model not in _MODELS:
            raise ValueError(
                f"`model` must be one of {sorted(_MODELS)}, got {self.model!r}."
            )
        for name in ("steps", "batch_size", "num_train", "num_test"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value!r}.")
        for name in ("validation_images", "preview_every"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"`{name}` must not be negative, got {getattr(self, name)!r}."
                )

    def options(self) -> dict:
        """Every option by name, as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

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

    def make_model(self):
        """The compiled model."""
        kind = _MODELS[self.model]
        unknown = self.model_options.keys() - _options_of(kind)
        if unknown:
            raise TypeError(
                f"Model {self.model!r} has no option {sorted(unknown)} beside "
                f"{sorted(_options_of(kind))}."
            )
        model = kind(
            self.train_images.shape[1:],
            decoder=decoders.get(self.decoder, **self.decoder_options),
            beta=self.beta,
            seed=self.seed,
            dtype=self.precision,
            **self.model_options,
        )
        rate = self.learning_rate
        if self.decay_from < 1:
            rate = ConstantThenLinear(rate, self.steps, self.decay_from)
        model.compile(keras.optimizers.Adam(rate))
        return model

    def train_batches(self, start_step=0) -> tf.data.Dataset:
        """Endless training batches, from step `start_step` on."""
        return images.batches(
            self.train_images,
            self.batch_size,
            shuffle=True,
            seed=self.seed,
            repeat=True,
            start_step=start_step,
        )

    def run(self, output, tensorboard=False) -> dict | None:
        """Trains, evaluates and draws; goes on where an earlier attempt stopped.

        Args:
            output: run folder, see `tfsigmavae.run_folder.RunFolder`.
            tensorboard: bool, whether to write TensorBoard logs. Defaults to `False`.

        Returns:
            The summary (also `summary.json`), or `None` if Ctrl-C ended training.
        """
        folder = RunFolder(output, self.options())
        if folder.summary is not None:
            print(f"The run in '{output}' is complete.", file=sys.stderr)
            return folder.summary
        test = self.test_images  # what is wrong with them is found before training
        if test.shape[1:] != self.train_images.shape[1:]:
            raise ValueError(
                "`data` must have training and test images of one shape, got "
                f"{self.train_images.shape[1:]} and {test.shape[1:]}. Set `image_size`."
            )
        model = self.make_model()
        preview = ImagePreview(folder.path / "samples", test[:32], self.preview_every)
        validation = test[: self.validation_images]
        if not folder.fit(
            model,
            self.train_batches,
            self.steps,
            tensorboard=tensorboard,
            validation_data=images.batches(validation) if len(validation) else None,
            callbacks=[preview],
        ):
            return None
        trained = time.time()
        print("Evaluating and drawing ...", file=sys.stderr)
        summary = self.evaluate(model)
        samples, reconstructions = preview.write(model)
        record = folder.read_json("run.json")
        summary |= {
            "steps": self.steps,
            # Training of all attempts, and what follows it.
            "seconds": round(record["seconds"] + time.time() - trained, 1),
            "cpu_seconds": record["cpu_seconds"],
            "parameters": record["parameters"],
            "samples": str(samples),
            "reconstructions": str(reconstructions),
        }
        folder.write_json("summary.json", summary)
        return summary

    def evaluate(self, model) -> dict:
        """Scores on the test images, see `image_scores`.

        Args:
            model: what `make_model` gave, trained.

        Returns:
            dict of floats. `train_mse` is over at most 5000 training images.
        """
        num_train = min(5000, len(self.train_images))
        some = _drawn(self.train_images, num_train, "num_train")
        return image_scores(model, self.test_images, some)


def _options_of(kind):
    """The constructor arguments that are not options of the experiment themselves."""
    taken = {"image_shape", "decoder", "beta", "seed", "kwargs"}
    return inspect.signature(kind).parameters.keys() - taken


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
