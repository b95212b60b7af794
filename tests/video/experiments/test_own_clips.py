"""Training on clips of one's own, of other lengths: random windows, exact resume."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

import tfsigmavae as sv
from tfsigmavae.video import (
    ArrayClipSource,
    VideoExperiment,
    batches,
    write_shards,
)
from tfsigmavae_video.data import loading

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


def experiment(data, **changes):
    options = {
        "model": DriftingModel,
        "steps": 2,
        "batch_size": 2,
        "num_context": 1,
        "num_frames": 2,
        "eval_frames": 3,
        "windows": "random",
        "frame_shape": SHAPE,
        "num_samples": 2,
    }
    return VideoExperiment(data, **options | changes)


def test_an_experiment_takes_sources_and_makes_none(source, tmp_path):
    mine = experiment({"train": source, "test": source}, cache="memory")
    assert mine.train_clips is source and mine.test_clips is source
    tf.config.run_functions_eagerly(True)
    try:
        summary = mine.run(tmp_path / "run")
    finally:
        tf.config.run_functions_eagerly(False)
    assert (summary["num_clips"], summary["num_predicted"]) == (4, 3)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config == mine.options()
    assert config["data"]["train"]["clips"] == len(source)
    fewer = NpySource(source.files[:3])
    other = experiment({"train": source, "test": fewer}, cache="memory")
    with pytest.raises(ValueError, match=r"other options \(data"):
        other.run(tmp_path / "run")


def test_a_source_is_made_once_and_with_its_options(tmp_path, monkeypatch):
    write_shards(tmp_path, "train", random_clips(2, 4, SHAPE))
    write_shards(tmp_path, "test", random_clips(2, 4, SHAPE))
    made = []
    load = loading.load
    monkeypatch.setattr(
        loading, "load", lambda *a, **k: made.append(a[1]) or load(*a, **k)
    )
    options = {"camera": "image_main"}
    mine = experiment(str(tmp_path), data_options=options)
    for _ in range(2):
        assert len(mine.train_clips) == len(mine.test_clips) == 2
    assert sorted(made) == ["test", "train"]
    assert mine.train_clips.view["camera"] == "image_main"
    recorded = mine.options()["data_options"]
    assert recorded["camera"] == "image_main" and recorded["num_record_frames"] is None
    assert not recorded.keys() & {"frame_shape", "with_actions"}
    with pytest.raises(TypeError, match="Unknown option 'fsp'.*Allowed.*camera"):
        experiment(str(tmp_path), data_options={"fsp": 10}).check_data()


@pytest.mark.parametrize(
    "data, changes, error, message",
    [
        ("one split", {}, TypeError, "'train' and one for 'test'"),
        ("arrays", {}, TypeError, "'train' and one for 'test'.*ndarray"),
        ("both", {"data_options": {"fps": 5}}, TypeError, "for a path"),
        ("both", {"frame_shape": (16, 16, 1)}, ValueError, "train clips.*frame_shape"),
        ("both", {"use_actions": True}, ValueError, "'actions', 'frames'"),
    ],
)
def test_sources_that_do_not_fit_are_told_at_once(
    source, data, changes, error, message
):
    splits = {
        "one split": {"train": source},
        "arrays": {"train": source, "test": np.zeros([4, 9, *SHAPE])},
        "both": {"train": source, "test": source},
    }
    with pytest.raises(error, match=message):
        experiment(splits[data], **changes)


def test_clips_too_short_for_evaluation_are_told_before_training(source):
    data = {"train": source, "test": source}
    mine = VideoExperiment(data, model=DriftingModel, frame_shape=SHAPE)
    with pytest.raises(ValueError, match="4 frames.*Set `num_frames` to at most 2"):
        mine.check_data()


@pytest.mark.parametrize("name", ["frame_shape", "with_actions", "min_frames"])
def test_options_of_the_experiment_are_no_options_of_its_data(name):
    with pytest.raises(TypeError, match=f"must not hold '{name}'"):
        experiment("somewhere", data_options={name: 1})


def test_a_complete_run_needs_no_data(tmp_path):
    write_shards(tmp_path / "data", "train", random_clips(2, 4, SHAPE))
    write_shards(tmp_path / "data", "test", random_clips(2, 4, SHAPE))
    mine = experiment(str(tmp_path / "data"), data_options={"camera": "image_main"})
    folder = sv.RunFolder(tmp_path / "run", mine.options())
    folder.write_json("summary.json", {"psnr": 1})
    (folder.path / "model.keras").touch()
    (tmp_path / "data").rename(tmp_path / "moved")
    assert mine.run(tmp_path / "run") == {"psnr": 1}
    other = experiment(str(tmp_path / "data"), data_options={"camera": "image_aux1"})
    with pytest.raises(ValueError, match="other options.*camera"):
        other.run(tmp_path / "run")
