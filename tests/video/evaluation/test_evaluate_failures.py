"""What people give to `evaluate` that cannot be scored: told at once, in a line.

| what they do                                     | what they get                    |
|--------------------------------------------------|----------------------------------|
| evaluate a model whose training diverged         | an error that says so            |
| bring a model that predicts beyond [0, 1]        | an error, not a traceback of TF  |
| give a model of another kind                     | an error that names it           |
| write a metric of a wrong shape, kind or value   | an error that names the metric   |
| give a network whose features are not finite     | an error that names the network  |
| ask for one future                               | figures without an ensemble      |
| ask for CRPS without an ensemble                 | an error that shows the way      |
| evaluate other pixels from memory, same folder   | an error; nothing is mixed       |
| rename a run, or call it from another folder     | it goes on                       |
| have a damaged video among the clips             | a note that one counts twice     |
"""

import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from npy_clips import NpyClips
from tiny_svg_lp import random_clips, tiny_model
from tiny_vae import TinyVAE

from tfsigmavae.metrics.extractors import Function
from tfsigmavae_video.data import ArrayClipSource
from tfsigmavae_video.evaluation import clip_scores, evaluate
from tfsigmavae_video.evaluation.frame_metrics import METRICS, Metric
from tfsigmavae_video.evaluation.protocol import Protocol

SHAPE = (8, 8, 3)
PROTOCOL = Protocol(
    "quick",
    num_predicted=2,
    num_samples=2,
    noise_samples=0,
    importance_samples=0,
    metrics=("psnr",),
)

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


class InMemory(ArrayClipSource):
    """Clips without a file."""

    def __init__(self, clips):
        self.clips = clips
        fields = {"frames": (clips.shape[2:], tf.uint8)}
        super().__init__([clips.shape[1]] * len(clips), fields, [], {}, name="memory")

    def read_arrays(self, number, start, num_frames):
        return {"frames": self.clips[number, start : start + num_frames]}


@pytest.fixture(scope="module")
def source():
    return InMemory(random_clips(2, 4, SHAPE))


@pytest.fixture(scope="module")
def model():
    return DriftingModel(SHAPE)


def run(model, source, protocol=PROTOCOL, output=None, **options):
    options = {"quiet": True, "with_pictures": False} | options
    return evaluate(model, source, protocol, output, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_diverged_is_named(source, tmp_path, value):
    diverged = DriftingModel(SHAPE)
    diverged.gain.assign(value)
    with pytest.raises(ValueError, match="'.*gain' of the DriftingModel is not finite"):
        run(diverged, source, output=tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "value, words", [(np.nan, "that are not finite"), (1.5, "from 1.5 to 1.5")]
)
def test_pixels_that_are_none_are_an_error(source, monkeypatch, value, words):
    class Bright(DriftingModel):
        def predict_frames(self, *args, **options):
            return tf.fill([2, 2, 2, *SHAPE], np.float32(value))

    with pytest.raises(ValueError, match=rf"The Bright gives pixels {words} \(`predi"):
        run(Bright(SHAPE), source)


def test_a_model_of_another_kind_is_named(source):
    with pytest.raises(TypeError, match="must be a VideoModel, got TinyVAE"):
        run(TinyVAE(), source)


def _mean(axes, factor=1.0):
    return lambda frames, truth, context: factor * tf.reduce_mean(frames, axes)


@pytest.mark.parametrize(
    "row, words",
    [
        (Metric(lambda *given: 0.0, min, "x"), r"future, clip and frame, \(2, 2, 2\)"),
        (Metric(_mean([-3, -2]), min, "x"), r"\(2, 2, 2\) of .* got \(2, 2, 2, 3\)"),
        (Metric(_mean([0, 3, 4, 5]), min, "x"), r"got \(2, 2\)"),
        (Metric(_mean([3, 4, 5]), None, "x", of="futures"), r"each clip and frame"),
        (Metric(_mean([3, 4, 5], np.inf), min, "x"), "infinite score"),
        (Metric(_mean([3, 4, 5]), min, "x", of="samples"), "`of` one of .* 'samples'"),
        (Metric(_mean([3, 4, 5]), "max", "x"), "max, min, nearest_one .* 'max'"),
        (Metric(_mean([3, 4, 5]), None, "x"), "`best` max, min or nearest_one"),
    ],
)
def test_a_metric_that_makes_no_sense_is_named(source, model, monkeypatch, row, words):
    monkeypatch.setitem(METRICS, "mine", row)
    with pytest.raises(ValueError, match=f"Metric 'mine'.*{words}"):
        run(model, source, Protocol.get(PROTOCOL, metrics=("mine",)))


def test_a_metric_may_have_no_score_anywhere(source, model, monkeypatch):
    monkeypatch.setitem(METRICS, "mine", Metric(_mean([3, 4, 5], np.nan), min, "x"))
    found = run(model, source, Protocol.get(PROTOCOL, metrics=("mine",))).metrics
    assert found["scores"]["mine"]["best"]["mean"] is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_an_error(source, model, value):
    def broken(frames):
        return value * tf.reduce_mean(frames, [1, 2])

    with pytest.raises(ValueError, match="'broken' gave features that are not finite"):
        run(model, source, extractor=Function(broken))


def test_one_future_is_no_ensemble(source):
    """Of a model that draws pixels; all metrics but CRPS are there."""
    one = Protocol(
        "one", num_predicted=1, num_samples=1, noise_samples=1, importance_samples=0
    )
    found = run(tiny_model(), source, one, with_pictures=True).metrics
    others = {"psnr", "ssim_uniform", "psnr_moved", "std_moved"}
    assert others <= set(found["scores"]) and "crps" not in found["scores"]
    assert found["calibration"] == {}
    best, mean = (found["scores"]["psnr"][name] for name in ("best", "mean"))
    assert best == mean
    asked = Protocol.get(one, metrics=("psnr", "crps"))
    with pytest.raises(ValueError, match="'crps' needs pixels .*`noise_samples` of 2"):
        run(tiny_model(), source, asked)


def test_crps_by_name_needs_a_decoder_that_draws(source, model):
    with pytest.raises(ValueError, match="'crps' needs pixels drawn"):
        run(model, source, Protocol.get(PROTOCOL, metrics=("crps",), noise_samples=2))


def test_clips_in_memory_are_told_apart_by_their_pixels(source, model, tmp_path):
    first = run(model, source, output=tmp_path).metrics
    same = InMemory(source.clips.copy())
    assert run(model, same, output=tmp_path).metrics == first
    other = source.clips.copy()
    other[1, 2, 0, 0, 0] ^= 1
    with pytest.raises(ValueError, match="another data: choose another folder"):
        run(model, InMemory(other), output=tmp_path)


def test_names_and_paths_decide_no_figure(source, model, tmp_path, monkeypatch):
    run(model, source, output=tmp_path, title="a", data={"path": "data"})
    monkeypatch.setattr(clip_scores.ClipScorer, "__call__", None)  # all is done
    title = "<script>alert(1)</script> ü '\""
    found = run(model, source, output=tmp_path, title=title, data={"path": "/data"})
    assert found.metrics["title"] == title
    assert found.metrics["data"]["path"] == "/data"


class Replacing(NpyClips):
    """Says which clips it could not read, as `VideoFolder` does."""

    def __init__(self, files):
        super().__init__(files)
        self.clip_names = [file.name for file in files]
        self.replaced = set()

    def read_arrays(self, number, start, num_frames):
        if number == 1:
            self.replaced.add(self.clip_names[1])
        return super().read_arrays(2 if number == 1 else number, start, num_frames)


def test_a_clip_that_counts_twice_is_told(model, tmp_path):
    """Also by an attempt that reads nothing any more."""
    files = [tmp_path / f"{number}.npy" for number in range(3)]
    for number, file in enumerate(files):
        np.save(file, random_clips(1, 4, SHAPE, number)[0])
    folder = tmp_path / "evaluated"
    first = run(model, Replacing(files), output=folder).metrics
    assert len(first["notes"]) == 2
    assert "There are 3 held-out clips only" in first["notes"][1]
    assert "1 of 3 clips cannot be read (1.npy)" in first["notes"][0]
    assert run(model, Replacing(files), output=folder).metrics == first
    assert run(model, NpyClips(files)).metrics["notes"] == first["notes"][1:]
    assert "replaced" not in (folder / "metrics.csv").read_text()
