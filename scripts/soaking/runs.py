"""Runs so small that they can be begun again and again."""

import dataclasses
import functools
import warnings
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from PIL import Image
from tfsigmavae_commands import console

from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.models import VariationalModel
from tfsigmavae.runs import RunFolder
from tfsigmavae.video import VideoExperiment, write_shards

# Steps between two rows of the history, and two checkpoints.
EPOCH_STEPS = 2


@dataclasses.dataclass(frozen=True)
class Subject:
    """A run.

    Attributes:
        name: what the table calls it.
        make: function of the folder of `write_data` -> `Experiment`.
        is_compiled: bool, with XLA; otherwise eagerly, which is quicker for so few
            steps.
    """

    name: str
    make: Callable
    is_compiled: bool = False


def write_data(folder, seed):
    """Pictures of 8 x 8 and clips of 16 x 16 pixels, train and test, of noise."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", 16), ("test", 4)):
        (folder / "pictures" / split).mkdir(parents=True)
        for number, pixels in enumerate(rng.integers(0, 256, [count, 8, 8], np.uint8)):
            path = folder / "pictures" / split / f"{number:02d}.png"
            Image.fromarray(pixels).save(path)
        frames = rng.integers(0, 256, [count // 4, 4, 16, 16, 3], np.uint8)
        write_shards(folder / "clips", split, [{"frames": clip} for clip in frames])


def _image(folder):
    return ImageExperiment(
        data=str(folder / "pictures"),
        model_options={"latent_size": 2, "widths": (2, 3)},
        steps=5,  # the last epoch is a part of one
        batch_size=4,
        validation_images=2,
        preview_every=4,
        seed=1,
    )


def _video(folder):
    small = {"width": 2, "latent_size": 2, "code_size": 4, "hidden_size": 4}
    return VideoExperiment(
        data=str(folder / "clips"),
        model_options={"network": "dcgan", **small},
        frame_shape=(16, 16, 3),
        num_context=1,
        num_frames=2,
        steps=4,
        batch_size=2,
        eval_frames=2,
        num_samples=2,
        num_eval_clips=1,
        windows="random",
        seed=1,
    )


IMAGE = Subject("image", _image)
IMAGE_XLA = Subject("image, XLA", _image, is_compiled=True)
VIDEO = Subject("video", _video)


def command(subject, data, output):
    """A function that trains, evaluates and draws, or goes on: for a `Child`."""

    def main():
        warnings.simplefilter("always", UserWarning)  # they are looked for
        RunFolder.fit = functools.partialmethod(RunFolder.fit, epoch_steps=EPOCH_STEPS)
        if subject.is_compiled:
            VariationalModel.compile = functools.partialmethod(
                VariationalModel.compile, jit_compile=True
            )
        else:
            tf.config.run_functions_eagerly(True)
        summary = subject.make(data).run(output)
        return console.stopped(output) if summary is None else 0

    return main
