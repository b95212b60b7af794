"""A training run that needs no data and leaves nothing behind."""

import dataclasses
import pathlib
import tempfile

import numpy as np

from tfsigmavae.experiments.image_experiment import ImageExperiment


class NoiseExperiment(ImageExperiment):
    """An `ImageExperiment` on noise in place of data, grey unless `channels` is 3."""

    def _load(self, split):
        size = self.image_size or 28
        shape = (max(32, self.validation_images), size, size, self.channels or 1)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def dry_run(experiment) -> dict:
    """Runs two steps of an experiment, and all that follows, on noise; keeps nothing.

    Args:
        experiment: `ImageExperiment`; its `data` is not read.

    Returns:
        The summary.
    """
    small = dataclasses.replace(
        experiment, steps=2, batch_size=2, num_train=None, num_test=None
    )
    noise = NoiseExperiment(**dataclasses.asdict(small))
    with tempfile.TemporaryDirectory() as folder:
        summary = noise.run(pathlib.Path(folder) / "run")
    pictures = ("samples", "reconstructions")
    return {key: value for key, value in summary.items() if key not in pictures}
