"""The whole reproduction on noise, with its jobs run in this process."""

import csv
import dataclasses
import json
import math
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.decoders import OptimalSigma
from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.experiments.reproduction import runner, worker
from tfsigmavae.experiments.reproduction.features import FeatureNetwork
from tfsigmavae.experiments.reproduction.files import Files
from tfsigmavae.experiments.reproduction.scores import (
    _batch_difference,
    curve,
    score_run,
)
from tfsigmavae.metrics import frechet_distance
from tfsigmavae.models import ConvVAE

pytestmark = [
    # A data set of tf.data warns if the process runs functions eagerly.
    pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly"),
    # 40 images, of 64 features.
    pytest.mark.filterwarnings("ignore::tfsigmavae.metrics.FewSamplesWarning"),
]


EXPECTED_WORDS = "-ELBO"


def run_here(jobs, processes, describe=None, say=None):
    """Stands for `run_jobs`: the same commands, in order, in this process."""
    for job in jobs:
        if not job.result.is_file():
            assert job.command[1:3] == ["-m", worker.__name__]
            assert worker.main(job.command[3:]) == 0
            assert job.result.is_file()
            if describe:
                assert EXPECTED_WORDS in describe(job)


@pytest.fixture(scope="module", autouse=True)
def eager():
    """So small a model is slower to trace."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def output(tmp_path_factory, eager):
    folder = tmp_path_factory.mktemp("reproduce")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_jobs", run_here)
        study = runner.noise_study(folder)
        outcome = runner.run_studies([study], "dry run", folder / "run", 1)
    return folder, study, outcome


def test_all_that_it_promises_is_written(output):
    folder, study, outcome = output
    files = Files(folder / "run")
    text = files.report.read_text()
    assert text.startswith("# Does the sigma-VAE reproduce?")
    assert outcome["report"] == str(files.report) and outcome["failed"] == []
    assert outcome["not run"] > 0 and outcome["no verdict"] > 0
    assert outcome["held"] == outcome["did not hold"] == outcome["tie"] == 0
    with open(files.results, newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"optimal", "unit"}
    row = {key: float(value) for key, value in rows["optimal"].items() if _is(value)}
    assert row["negative_elbo"] == pytest.approx(row["nll"] + row["kl"], rel=1e-5)
    assert row["effective_beta"] == pytest.approx(2 * row["sigma"] ** 2, rel=1e-5)
    # Drawn once an image for `kl`, exact for the rate: the KL itself has no noise.
    assert row["information"] + row["prior_gap"] == pytest.approx(row["kl"], rel=1e-3)
    assert row["log_count"] == pytest.approx(math.log(40), rel=1e-6)
    # So short a training encodes nothing: what more samples gain is noise about zero.
    assert abs(row["bound_gain"]) < 0.1 and row["batch_difference"] < 1e-5
    assert all(row[name] > 0 for name in ("fd", "fd_reconstructions", "fd_floor"))
    assert float(rows["unit"]["effective_beta"]) == pytest.approx(2.0)


def _is(value):
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


def test_a_finished_reproduction_runs_nothing_again(output, monkeypatch):
    folder, study, outcome = output

    def fail(*arguments):
        raise AssertionError("it ran again")

    monkeypatch.setattr(runner, "run_jobs", run_here)
    monkeypatch.setattr(worker, "make_run", fail)
    monkeypatch.setattr(worker, "make_features", fail)
    assert runner.run_studies([study], "dry run", folder / "run", 1) == outcome


def test_a_run_whose_scores_are_missing_is_scored_and_not_trained(output, monkeypatch):
    folder, study, _ = output
    files = Files(folder / "run")
    scores = files.scores("noise-unit-0")
    before = json.loads(scores.read_text())
    scores.unlink()
    history = files.history("noise-unit-0").read_text()
    monkeypatch.setattr(runner, "run_jobs", run_here)
    runner.run_studies([study], "dry run", folder / "run", 1)
    assert files.history("noise-unit-0").read_text() == history
    assert json.loads(scores.read_text()) == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 3}, r"a run noise-optimal-0 .*\(steps 2 -> 3\)"),
        # It shapes the scores, and no run's training.
        ({"num_samples": 51}, r"a study noise .*\(num_samples \d+ -> 51\)"),
    ],
)
def test_results_of_other_options_are_not_taken_for_these(output, changes, words):
    folder, study, _ = output
    plan = Files(folder / "run").plan
    before = plan.read_text()
    if "steps" in changes:
        changes = {"options": {**study.options, **changes}}
    other = dataclasses.replace(study, **changes)
    with pytest.raises(ValueError, match=f"{words}.*Choose another --output"):
        runner.run_studies([other], "dry run", folder / "run", 1)
    assert plan.read_text() == before


def test_fewer_than_one_process_is_an_early_error(output, tmp_path):
    with pytest.raises(ValueError, match="`processes` must be at least 1, got 0"):
        runner.run_studies([output[1]], "dry run", tmp_path / "run", 0)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def copied(output, tmp_path, monkeypatch):
    """The finished reproduction, without the run of unit variance."""
    shutil.copytree(output[0] / "run", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "runs" / "noise-unit-0")
    monkeypatch.setattr(runner, "run_jobs", run_here)
    monkeypatch.setattr(sys.modules[__name__], "EXPECTED_WORDS", "diverged")
    return tmp_path / "run"


# Keras does not close the history of a training that ends by an error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_diverged_run_is_reported_and_the_others_stand(copied, output, monkeypatch):
    def too_fast(**options):
        return ImageExperiment(**{**options, "learning_rate": 1e30})

    monkeypatch.setattr(worker, "ImageExperiment", too_fast)
    outcome = runner.run_studies([output[1]], "dry run", copied, 1)
    assert outcome["diverged"] > 0
    files = Files(copied)
    assert json.loads(files.scores("noise-unit-0").read_text())["diverged"] is True
    lines = files.report.read_text().splitlines()
    row = next(line for line in lines if line.startswith("| unit variance"))
    assert row.count("diverged") == 9
    row = next(line for line in lines if line.startswith("| optimal sigma |"))
    assert "diverged" not in row
    with open(files.results, newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert rows["unit"]["diverged"] == "True" and rows["unit"]["num_dims"] == "64"
    assert rows["unit"]["negative_elbo"] == rows["unit"]["fd"] == "nan"


def test_any_other_error_of_a_run_stays_one(copied, output, monkeypatch):
    def broken(self, folder):
        raise ValueError("broken")

    monkeypatch.setattr(ImageExperiment, "run", broken)
    with pytest.raises(ValueError, match="broken"):
        runner.run_studies([output[1]], "dry run", copied, 1)
    assert not Files(copied).scores("noise-unit-0").exists()


def test_features_are_those_of_the_hidden_layer(output):
    folder, study, _ = output
    files = Files(folder / "run")
    network = FeatureNetwork(files.features("noise"))
    experiment = study.runs()[0].experiment
    test = experiment.test_images
    assert network(test).shape == (40, 64) and network(test).min() >= 0.0
    # Of pixels as uint8 and as floats alike.
    floats = (test / 255.0).astype(np.float32)
    np.testing.assert_allclose(network(floats), network(test), atol=1e-5)
    np.testing.assert_allclose(network.references, network(test), atol=1e-6)
    assert network.distance(test) == pytest.approx(0.0, abs=1e-5)
    half = test[:20]
    expected = frechet_distance(network(half), network(test))
    assert network.distance(half) == pytest.approx(expected)
    assert len(network.record["sha256"]) == 64


class Brightness:
    """Stands for a feature network: the distance of images is their mean."""

    record = {"floor": 0.5}

    def __init__(self, available):
        self.available = available

    def distance(self, pixels):
        return np.mean(pixels)


@pytest.fixture(scope="module")
def scored(eager):
    model = ConvVAE((8, 8, 1), latent_size=2, widths=(2, 2), seed=0)
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)

    def score(available):
        return score_run(model, images, Brightness(available), num_samples=5)

    return model, images, score


def test_distances_are_of_samples_and_of_reconstructions(scored):
    model, images, score = scored
    scores, pictures = score(True)
    samples, rebuilt = model.sample(5, seed=0), model.reconstruct(images[:5])
    assert scores["fd"] == pytest.approx(np.mean(samples))
    assert scores["fd_reconstructions"] == pytest.approx(np.mean(rebuilt))
    assert scores["fd_floor"] == 0.5 and scores["fd_samples"] == 5
    np.testing.assert_array_equal(pictures["samples"], np.round(samples * 255.0))
    np.testing.assert_array_equal(pictures["images"], images)
    # The KL of diagonal Gaussians, of all test images.
    mean, scale = model.posterior(images).mean(), model.posterior(images).stddev()
    kl = 0.5 * np.sum(mean**2 + scale**2 - 1.0 - 2.0 * np.log(scale), axis=1)
    assert scores["rate"] == pytest.approx(kl.mean(), rel=1e-4)


@keras.saving.register_keras_serializable(package="tests")
class Peeking(OptimalSigma):
    """Fits sigma to whatever it is to score."""

    def distribution(self, params, target, training):
        return super().distribution(params, target, training=target is not None)


@pytest.mark.parametrize(
    ("decoder", "low", "high"),
    [
        (OptimalSigma(), 0.0, 1e-6),
        (OptimalSigma(scope="image"), 0.0, 1e-6),
        (Peeking(), 1e-3, math.inf),
        # The same in every batch, but not without the image.
        (Peeking(scope="image"), 1e-3, math.inf),
    ],
)
def test_a_sigma_fitted_to_test_images_shows(eager, decoder, low, high):
    model = ConvVAE((8, 8, 1), 2, (2, 2), decoder=decoder, seed=0)
    brightness = np.linspace(20, 250, 12)[:, None, None, None]
    noise = np.random.default_rng(0).uniform(size=(12, 8, 8, 1))
    images = (noise * brightness).astype(np.uint8)
    assert low <= _batch_difference(model, images) <= high


def test_data_without_labels_leave_the_frechet_distance_out(scored):
    scores, _ = scored[2](False)
    assert not {"fd", "fd_reconstructions", "fd_floor"} & scores.keys()


def test_a_curve_reads_the_last_row_of_an_interrupted_epoch(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text(
        "epoch,sigma,val_kl,val_nll\n0,0.5,1,10\n1,0.4,2,9\n1,0.3,3,5\n2,0.2,4,1\n"
    )
    assert curve(file) == {
        "step": [100, 200, 300],
        "negative_elbo": [11.0, 8.0, 5.0],
        "sigma": [0.5, 0.3, 0.2],
    }
    file.write_text("epoch,kl,val_kl,val_nll\n0,1,NA,NA\n")
    assert curve(file) == {"step": [100], "negative_elbo": [], "sigma": []}


def test_missing_files_of_what_was_asked_for_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        runner.reproduce(data=str(tmp_path / "nowhere"), output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_sets_of_a_preset_are_left_out_and_named(tmp_path, output):
    _, study, _ = output
    missing = type(study)("other", {**study.options, "data": "nowhere"}, {})
    found, skipped = runner._with_data([study, missing])
    assert found == [study]
    assert skipped[0].startswith("other: not run. 'nowhere' is neither")
