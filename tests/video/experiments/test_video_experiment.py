"""Runs, resumed runs and comparisons, on two dozen small clips."""

import csv
import json
import math
import signal

import imageio.v3 as iio
import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from tiny_svg_lp import random_clips

from tfsigmavae.callbacks import TrainingCheckpoint
from tfsigmavae_video import SVGLP, VideoExperiment, compare, dry_run, write_shards
from tfsigmavae_video.experiments.comparison import comparison_table

SHAPE = (16, 16, 3)
STEPS = 4
SMALL = {
    "network": "dcgan",
    "width": 2,
    "latent_size": 2,
    "code_size": 4,
    "hidden_size": 4,
}
# Where the evaluation is not the point.
SHORT_EVALUATION = {"eval_frames": 1, "num_samples": 2}

# Eagerly, a step of so small a model is quicker than its tracing.
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clips"
    for split, count, seed in (("train", 5, 0), ("test", 3, 1)):
        actions = np.random.default_rng(seed).normal(size=[count, 6, 4])
        frames = random_clips(count, 6, SHAPE, seed)
        write_shards(
            folder,
            split,
            [{"frames": f, "actions": a} for f, a in zip(frames, actions, strict=True)],
        )
    return folder


def make(data, **changes):
    options = {
        "data": str(data),
        "steps": STEPS,
        "batch_size": 2,
        "num_frames": 3,
        "eval_frames": 3,
        "windows": "random",
        "frame_shape": SHAPE,
        "num_samples": 2,
        "num_eval_clips": 2,
        "seed": 1,
    }
    small = {} if "model" in changes else SMALL
    model_options = small | changes.pop("model_options", {})
    return VideoExperiment(**options | changes, model_options=model_options)


@pytest.fixture(scope="module")
def complete(data, tmp_path_factory):
    """Folder and summary of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "complete"
    return folder, make(data).run(folder)


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_run_folder_holds_the_whole_record(complete, data):
    folder, summary = complete
    assert {path.name for path in folder.iterdir()} == {
        "checkpoint",
        "config.json",
        "data.json",
        "evaluation",
        "history.csv",
        "history.png",
        "model.keras",
        "report.html",
        "run.json",
        "samples",
        "summary.json",
    }
    assert read(folder, "config.json") == make(data).options()
    record = read(folder, "run.json")
    assert record["steps"] == STEPS and record["parameters"] > 0
    assert record["tensorflow"] == tf.__version__
    rows = list(csv.DictReader(open(folder / "history.csv")))
    assert len(rows) == 1 and float(rows[0]["loss"]) > 0
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert read(folder, "summary.json") == summary


def test_summary_holds_every_figure(complete):
    folder, summary = complete
    assert set(summary["psnr"]) == {
        "copy_last",
        "reconstruction",
        "mean",
        "best",
        "mean_prediction",
    }
    assert {"copy_last", "mean", "best"} <= set(summary["ssim"])
    for name in ("sample_std_moved", "kl", "nll", "sigma", "mse", "seconds"):
        assert math.isfinite(summary[name]), name
    assert (summary["steps"], summary["num_clips"]) == (STEPS, 2)
    assert (summary["num_samples"], summary["num_predicted"]) == (2, 3)
    assert summary["gif"] == str(folder / "samples" / "prediction.gif")
    assert (folder / "samples" / "prediction.gif").is_file()
    assert (folder / "samples" / "prediction.png").is_file()


def test_saved_model_is_the_trained_one(complete, data):
    folder, summary = complete
    model = keras.models.load_model(folder / "model.keras")
    assert isinstance(model, SVGLP)
    assert model.optimizer.iterations == STEPS
    assert model.decoder.sigma.numpy() == pytest.approx(summary["sigma"], abs=1e-4)
    assert make(data).evaluate(model)["psnr"]["best"] == summary["psnr"]["best"]


def test_complete_run_is_not_repeated(complete, data, monkeypatch):
    folder, summary = complete
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    monkeypatch.setattr(VideoExperiment, "make_model", lambda self: 1 / 0)
    assert make(data).run(folder) == summary
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed <= {"config.json"}


def test_other_options_are_refused_by_name(complete, data):
    folder, summary = complete
    with pytest.raises(
        ValueError, match=r"other options \(model_options.latent_size 2 -> 3\)"
    ):
        make(data, model_options={"latent_size": 3}).run(folder)
    assert read(folder, "summary.json") == summary


def test_folder_of_something_else_is_refused(data, tmp_path):
    (tmp_path / "thesis.txt").write_text("text")
    with pytest.raises(FileExistsError, match="not empty"):
        make(data).run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_interrupted_run_resumes_to_the_same_weights(
    complete, data, tmp_path, monkeypatch
):
    """Ctrl-C after two steps, then the same call again."""
    original = TrainingCheckpoint.on_train_batch_end

    def interrupt(self, batch, logs=None):
        original(self, batch, logs)
        if batch == 1:
            signal.raise_signal(signal.SIGINT)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "on_train_batch_end", interrupt)
        assert make(data).run(folder) is None
    assert not (folder / "summary.json").exists()
    assert read(folder, "run.json")["steps"] == 2
    assert keras.models.load_model(folder / "model.keras").optimizer.iterations == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    summary = make(data).run(folder)
    models = [
        keras.models.load_model(path / "model.keras") for path in (complete[0], folder)
    ]
    for variables in ("weights", "optimizer.variables"):
        one, two = (_attribute(model, variables) for model in models)
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=a.path)
    for name in ("psnr", "ssim", "nll", "kl", "sigma"):
        assert summary[name] == complete[1][name], name


def _attribute(model, path):
    for name in path.split("."):
        model = getattr(model, name)
    return model


def test_seed_decides_the_run(complete, data, tmp_path):
    other = make(data, seed=2, **SHORT_EVALUATION).run(tmp_path / "run")
    assert other["nll"] != complete[1]["nll"]


def test_actions_and_fixed_sigma_and_decay(data, tmp_path):
    experiment = make(
        data,
        use_actions=True,
        decoder="fixed_sigma",
        decoder_options={"sigma": 0.5},
        decay_from=0.5,
        num_context=1,
        windows="first",
        steps=2,
        **SHORT_EVALUATION,
    )
    summary = experiment.run(tmp_path / "run")
    assert summary["sigma"] == 0.5 and summary["num_context"] == 1
    assert list(summary["actions"]["psnr"]) == ["true", "shuffled", "zeros"]
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.action_size == 4
    # The rate of the last step but one; after it 5 % of 2e-3 would be left.
    assert 1e-4 <= float(model.optimizer.learning_rate) < 2e-3


def test_sigma_goes_with_its_decoder_only(data):
    with pytest.raises(TypeError, match="'optimal_sigma' has no option.*sigma"):
        make(data, decoder_options={"sigma": 0.5})


def test_every_option_reaches_the_model(data):
    model_options = {
        "max_gradient_norm": 7.0,
        "latent_size": 3,
        "code_size": 5,
        "hidden_size": 6,
        "prior": "standard_normal",
        "scored_frames": "future",
        "predictor_residual": True,
        "posterior_residual": True,
        "posterior_log_variance_bias": -1.0,
        "prior_log_variance_bias": -2.0,
        "posterior_mean_stddev": 0.3,
        "batch_norm_momentum": 0.8,
        "frame_statistics": True,
        "remat": True,
        "prior_sees_actions": False,
        "skips": "previous",
        "composition": "previous_frame",
        "own_predictions": 0.5,
        "own_predictions_ramp": [2, 6],
        "network": "vgg",
        "width": 3,
    }
    changes = {"beta": 0.5, "num_context": 1}
    experiment = make(
        data, precision="mixed_bfloat16", model_options=model_options, **changes
    )
    assert experiment.options()["model_options"] == model_options
    model = experiment.make_model()
    config = json.loads(json.dumps(model.get_config()))
    changes |= model_options
    assert {name: config[name] for name in changes} == changes
    assert model.dtype_policy.name == "mixed_bfloat16"
    assert model.optimizer.learning_rate == np.float32(2e-3)


def test_schedule_counts_updates_of_accumulated_gradients(data):
    options = {"steps": 8, "decay_from": 0.5, "gradient_accumulation_steps": 2}
    optimizer = make(data, **options).make_model().optimizer
    assert optimizer.gradient_accumulation_steps == 2
    rates = [float(optimizer._learning_rate(update)) for update in range(5)]
    assert rates[0] == rates[2] > rates[3] > rates[4]
    assert rates[4] == pytest.approx(0.05 * rates[0])


@pytest.mark.parametrize("accumulated", [0, 9])
def test_accumulation_without_an_update_is_refused(data, accumulated):
    with pytest.raises(ValueError, match="`gradient_accumulation_steps` must be"):
        make(data, steps=8, gradient_accumulation_steps=accumulated)


def test_defaults_are_the_papers():
    options = VideoExperiment("data").options()
    paper = {
        "steps": 300 * 600,
        "batch_size": 100,
        "learning_rate": 0.002,
        "num_context": 2,
        "num_frames": 10,
        "eval_frames": 28,
        "windows": "first",
        "frame_shape": [64, 64, 3],
        "beta": 1.0,
        "num_samples": 100,
        "num_eval_clips": 256,
    }
    assert {name: options[name] for name in paper} == paper
    paper = {
        "network": "vgg",
        "latent_size": 64,
        "code_size": 128,
        "hidden_size": 256,
        "prior": "learned",
        "scored_frames": "all",
    }
    assert paper.items() <= options["model_options"].items()


def test_comparison_has_a_row_for_each_weight(complete, data, tmp_path, capsys):
    experiment = make(data, model=DriftingModel, steps=1, **SHORT_EVALUATION)
    # What belongs to data and protocol is the experiment's, whatever a recipe says.
    recipe = {"model": DriftingModel, "steps": 2, "num_samples": 50, "data": "nowhere"}
    beside = {"Another-one": recipe | {"batch_size": 2}}
    result = compare(experiment, tmp_path / "run", beside=beside)
    rows = result["compare"]
    assert list(rows) == ["optimal_sigma", "SVG's weight", "sigma 1", "Another-one"]
    assert rows["Another-one"]["steps"] == 2 and rows["Another-one"]["num_samples"] == 2
    record = json.loads(
        (tmp_path / "run" / "compare" / "another_one" / "config.json").read_text()
    )
    assert record["seed"] == experiment.seed != VideoExperiment.seed
    folders = sorted(path.name for path in (tmp_path / "run" / "compare").iterdir())
    assert folders == ["another_one", "sigma_1", "svg_weight"]
    # The mean error's weight 1e-4: sigma**2 = 1e-4 * D / 2 with D of one frame.
    assert rows["SVG's weight"]["sigma"] == pytest.approx(
        math.sqrt(1e-4 * 16 * 16 * 3 / 2), abs=1e-4
    )
    assert rows["sigma 1"]["sigma"] == 1.0
    assert result["psnr"] == rows["optimal_sigma"]["psnr"]
    table = comparison_table(rows)
    assert (tmp_path / "run" / "compare.md").read_text() == table + "\n"
    told = capsys.readouterr().err
    assert table in told
    assert "2 of 4: SVG's weight, " in told and "4 of 4: Another-one, " in told
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert [line[0] for line in lines] == ["decoder", "|".join(["---"] * 17), *rows]
    assert len({len(line.split("|")) for line in table.splitlines()}) == 1
    column = lines[0].index("PSNR best")
    for line, summary in zip(lines[2:], rows.values(), strict=True):
        expected = summary["psnr"]["best"]
        assert float(line[column]) == pytest.approx(expected, rel=1e-3)
    assert compare(experiment, tmp_path / "run", beside=beside) == result


def test_comparison_has_a_dash_where_a_run_has_no_figure():
    """Nothing moved, or the run is of a version that had fewer scores."""
    psnr_moved = {"best": None}
    table = comparison_table({"mine": {"mse": 0.25, "psnr_moved": psnr_moved}})
    head, _, line = [row.strip("| ").split(" | ") for row in table.splitlines()]
    found = dict(zip(head, line, strict=True))
    assert found.pop("decoder") == "mine" and found.pop("rmse") == "0.5"
    assert set(found.values()) == {"-"}


def test_comparison_shows_the_same_clips_by_both(complete, data, tmp_path):
    experiment = make(data, model=DriftingModel, steps=1, **SHORT_EVALUATION)
    result = compare(experiment, tmp_path / "run")
    assert result["compare_gif"] == str(tmp_path / "run" / "compare.gif")
    frames = iio.imread(result["compare_gif"], index=None)
    clips = experiment.shown_clips["frames"]
    # Truth, and three samples of each decoder, of every clip.
    rows, columns = 1 + 2 * 3, len(clips)
    assert len(frames) == experiment.num_context + experiment.eval_frames
    assert frames.shape[1] > rows * 2 * 16 and frames.shape[2] > columns * 2 * 16
    assert (tmp_path / "run" / "compare.png").is_file()


def test_dry_run_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = {"use_actions": True, "steps": 1000, "num_frames": 1}
    experiment = make("noise", **options | SHORT_EVALUATION)
    summary = dry_run(experiment)
    assert summary["steps"] == 2
    # TensorFlow writes the code it traces into the same folder.
    kept = [p for p in tmp_path.iterdir() if not p.name.startswith("__autograph")]
    assert kept == []
    assert (experiment.data, experiment.steps) == ("noise", 1000)


def test_other_clips_have_another_digest(tmp_path):
    """As many of them, of another length."""
    digests = []
    for num_frames in (6, 7):
        for split in ("train", "test"):
            write_shards(
                tmp_path / str(num_frames), split, random_clips(3, num_frames, SHAPE)
            )
        made = [make(tmp_path / str(num_frames)).data_digest() for _ in range(2)]
        assert made[0] == made[1]
        digests.append(made[0]["train"])
    assert digests[0]["sha256"] != digests[1]["sha256"]
