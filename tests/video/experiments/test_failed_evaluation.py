"""What becomes of a trained run when its evaluation fails, stops or is unusual.

| what happens                                     | what is kept                      |
|--------------------------------------------------|-----------------------------------|
| the evaluation at the end raises                 | the model; no training again      |
| it is stopped, and called again in one process   | the parts that were done          |
| the run was complete before there was evaluation | it is returned as it is           |
| one future is asked for                          | all but the ensemble              |
"""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

from tfsigmavae.runs import RunFolder
from tfsigmavae_video import write_shards
from tfsigmavae_video.evaluation import clip_scores, evaluated_clips
from tfsigmavae_video.experiments import VideoExperiment

SHAPE = (16, 16, 3)

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split, seed in (("train", 0), ("test", 1)):
        write_shards(folder, split, random_clips(3, 4, SHAPE, seed))
    return folder


def experiment(data, **changes):
    options = {
        "model": DriftingModel,
        "steps": 2,
        "batch_size": 2,
        "num_context": 1,
        "num_frames": 2,
        "eval_frames": 2,
        "frame_shape": SHAPE,
        "num_samples": 2,
    }
    return VideoExperiment(str(data), **options | changes)


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("kind", [ValueError, Stopped])
def test_a_fault_of_the_evaluation_loses_nothing(data, tmp_path, monkeypatch, kind):
    """In its second part: the first one is kept, and training is not repeated."""
    monkeypatch.setattr(evaluated_clips, "_MOST_CLIPS", 1)
    score, numbers, left = clip_scores.ClipScorer.__call__, [], [1]

    def failing(self, frames, actions, first_number):
        numbers.append(first_number)
        if first_number == 1 and left and left.pop():
            raise kind("mine")
        return score(self, frames, actions, first_number)

    monkeypatch.setattr(clip_scores.ClipScorer, "__call__", failing)
    with pytest.raises(kind):
        experiment(data).run(tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {"model.keras", "run.json", "history.csv", "checkpoint"}
    assert not names & {"summary.json", "report.html"}
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    monkeypatch.setattr(DriftingModel, "fit", None)  # nothing is left to train
    summary = experiment(data).run(tmp_path / "run")
    assert numbers == [0, 1, 1, 2] and summary["num_clips"] == 3
    again = keras.models.load_model(tmp_path / "run" / "model.keras")
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (tmp_path / "run" / "evaluation" / "metrics.json").is_file()


def test_a_run_without_evaluation_that_is_complete_stays_as_it_is(data, tmp_path):
    mine, folder = experiment(data), tmp_path / "run"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"")
    (folder / "config.json").write_text(json.dumps(mine.options()))
    summary = {"psnr": {"best": 1.0}, "report": "runs/x/report.html"}
    (folder / "summary.json").write_text(json.dumps(summary))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert RunFolder(folder, mine.options()).summary == summary
    assert mine.run(folder) == summary
    after = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert after.keys() == before.keys()


def test_one_future_is_enough_for_a_run(data):
    """SVG-LP draws pixels: of one future there is no ensemble."""
    small = {"width": 2, "latent_size": 2, "code_size": 4, "hidden_size": 4}
    one = experiment(data, model="svg_lp", model_options=small, num_samples=1)
    metrics = one.evaluate_by_protocol(one.make_model()).metrics
    assert metrics["scores"]["psnr"]["best"]["mean"] > 0
    assert set(metrics["calibration"]) == {"posterior"}
