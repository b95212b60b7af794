"""Training on clips of one's own, of other lengths: random windows, exact resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

import tfsigmavae as sv
from tfsigmavae.video import ArrayClipSource, VideoExperiment, batches

SHAPE = (16, 16, 3)
LENGTHS = [5, 9, 4, 6]
STEPS = 7


class NpySource(ArrayClipSource):
    """One .npy file a clip."""

    def __init__(self, files):
        lengths = [np.load(file, mmap_mode="r").shape[0] for file in files]
        fields = {"frames": (SHAPE, tf.uint8)}
        super().__init__(lengths, fields, files, view={})

    def read_arrays(self, number, start, num_frames):
        clip = np.load(self.files[number], mmap_mode="r")
        return {"frames": clip[start : start + num_frames]}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    for number, length in enumerate(LENGTHS):
        clip = random_clips(1, length, SHAPE, seed=number)[0]
        np.save(folder / f"{number}.npy", clip)
    return NpySource(sorted(folder.glob("*.npy")))


def train(folder, source, num_steps):
    """The weights after a run of as many steps, which may be half of one."""
    model = DriftingModel(SHAPE, seed=0)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)

    def batches_from(step):
        return batches(
            source, 3, 2, "random", shuffle=True, seed=1, repeat=True, start_step=step
        )

    assert sv.RunFolder(folder, {}).fit(model, batches_from, num_steps, epoch_steps=2)
    return [np.array(weight) for weight in model.weights]


def test_a_resumed_run_ends_with_the_same_weights(source, tmp_path):
    whole = train(tmp_path / "whole", source, STEPS)
    train(tmp_path / "halves", source, 3)
    halves = train(tmp_path / "halves", source, STEPS)
    for one, other in zip(whole, halves, strict=True):
        np.testing.assert_array_equal(one, other)
    less = train(tmp_path / "less", source, 3)
    assert any(np.any(one != other) for one, other in zip(whole, less, strict=True))


def test_an_experiment_makes_each_source_once(source, tmp_path, monkeypatch):
    made = []

    def load(self, split):
        made.append(split)
        return source

    monkeypatch.setattr(VideoExperiment, "_load", load)
    experiment = VideoExperiment(
        "clips",
        model=DriftingModel,
        steps=2,
        batch_size=2,
        num_context=1,
        num_frames=2,
        eval_frames=3,
        windows="random",
        frame_shape=SHAPE,
        num_samples=2,
        cache="memory",
    )
    tf.config.run_functions_eagerly(True)
    try:
        summary = experiment.run(tmp_path / "run")
    finally:
        tf.config.run_functions_eagerly(False)
    assert sorted(made) == ["test", "train"]
    assert (summary["num_clips"], summary["num_predicted"]) == (4, 3)


def test_clips_too_short_for_evaluation_are_told_before_training(source, monkeypatch):
    monkeypatch.setattr(VideoExperiment, "_load", lambda self, split: source)
    experiment = VideoExperiment("clips", model=DriftingModel, frame_shape=SHAPE)
    with pytest.raises(ValueError, match="4 frames.*Set `num_frames` to at most 2"):
        experiment.check_data()
