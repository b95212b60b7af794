"""Runs and resumed runs of image models, on three dozen pictures of 8 x 8 pixels."""

import csv
import json
import math
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from report_page import Page, check_page

from tfsigmavae.callbacks import EvaluationNoise, ImagePreview, TrainingCheckpoint
from tfsigmavae.checkpoints import DivergedError, load_checkpoint
from tfsigmavae.decoders import FixedSigma
from tfsigmavae.experiments import ImageExperiment, dry_run
from tfsigmavae.experiments.reproduction.existing import check_existing
from tfsigmavae.experiments.reproduction.files import Files
from tfsigmavae.experiments.reproduction.plan import Study
from tfsigmavae.experiments.training_options import recalibrate
from tfsigmavae.files import write_json
from tfsigmavae.models import ConvVAE, HierarchicalVAE
from tfsigmavae.models.seeding import explicit_noise
from tfsigmavae.pictures import labelled_grid, write_png

STEPS = 5
NUM_TRAIN, NUM_TEST = 24, 12

# Eagerly, a step of so small a model is quicker than its tracing.
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training images are dark (grey levels below 128), test images are bright."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, count, low in (("train", NUM_TRAIN, 0), ("test", NUM_TEST, 128)):
        levels = rng.integers(low, low + 128, [count, 8, 8, 1], dtype=np.uint8)
        for number, image in enumerate(levels):
            write_png(folder / split / f"{number:02d}.png", image)
    return folder


def make(data, **changes):
    options = {
        "data": str(data),
        "model_options": {"latent_size": 2, "widths": (2, 3)},
        "steps": STEPS,
        "batch_size": 4,
        "validation_images": 3,
        "preview_every": 2,
        "seed": 1,
    }
    return ImageExperiment(**options | changes)


@pytest.fixture(scope="module")
def complete(data, tmp_path_factory):
    """Folder and summary of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "complete"
    return folder, make(data).run(folder)


def read(folder, name):
    return json.loads((folder / name).read_text())


def scores_of(summary):
    """What a summary says of the model and not of the machine or the place."""
    machine = ("seconds", "cpu_seconds", "samples", "reconstructions", "report")
    return {key: value for key, value in summary.items() if key not in machine}


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
    assert read(folder, "summary.json") == summary
    rows = list(csv.DictReader(open(folder / "history.csv")))
    assert len(rows) == 1
    for name in ("loss", "nll", "kl", "mse", "sigma", "val_nll", "val_kl"):
        assert math.isfinite(float(rows[0][name])), name
    record = read(folder, "run.json")
    assert (summary["steps"], summary["parameters"]) == (STEPS, record["parameters"])
    assert summary["seconds"] >= record["seconds"]
    assert summary["cpu_seconds"] == record["cpu_seconds"] > 0
    assert (summary["num_dims"], summary["num_test"]) == (64, NUM_TEST)


def test_report_shows_calibration_and_scores_with_their_baseline(complete):
    folder, summary = complete
    found = read(folder, "evaluation/metrics.json")
    assert found["protocol"]["name"] == "glance" and found["title"] == folder.name
    assert found["data"]["clips"] == NUM_TEST and found["data"]["held_out"]
    # Other noise than that of the summary.
    likelihood = found["likelihood"]["kl"]["mean"]
    assert likelihood == pytest.approx(summary["kl"], rel=1e-5)
    page = (folder / "report.html").read_text()
    for words in ("mean training image", "Coverage of central intervals", "latents"):
        assert words in page


def test_report_shows_pictures_training_and_options(complete):
    page = Page(complete[0] / "report.html")
    check_page(page)
    assert page.headings[0] == "complete"
    assert {"Pictures", "Training", "Scores", "Options"} <= set(page.headings)
    assert {"Samples", "Reconstructions"} <= {p["alt"] for p in page.pictures}
    assert {"loss, nats per image", "sigma and RMSE, data units", "seed"} <= set(
        page.words
    )


def test_pictures_are_those_of_the_model(complete, data):
    folder, summary = complete
    names = {path.name for path in (folder / "samples").iterdir()}
    suffixes = ("", "-000002", "-000004")
    assert names == {
        f"{name}{suffix}.png"
        for name in ("samples", "reconstructions")
        for suffix in suffixes
    }
    model = keras.models.load_model(folder / "model.keras")
    # Images of 8 x 8 pixels are drawn eight times as large, eight in a row.
    how = {"scale": 8, "num_columns": 8}
    grid = np.array(Image.open(summary["samples"]))
    samples = model.sample(64, seed=0)
    expected = labelled_grid({"": samples}, title="samples", **how)
    np.testing.assert_allclose(grid, expected, atol=1)
    grid = np.array(Image.open(summary["reconstructions"]))
    originals = model.to_images(make(data).test_images[:32])
    rows = {"original": originals, "reconstruction": model.reconstruct(originals)}
    np.testing.assert_allclose(grid, labelled_grid(rows, **how), atol=1)


def test_train_and_test_images_do_not_meet(data):
    experiment = make(data)
    assert experiment.train_images.shape == (NUM_TRAIN, 8, 8, 1)
    assert experiment.test_images.shape == (NUM_TEST, 8, 8, 1)
    assert experiment.train_images.max() < 128 <= experiment.test_images.min()
    for batch in experiment.train_batches().take(8):
        assert batch.shape == (4, 8, 8, 1) and batch.dtype == tf.uint8
        assert np.max(batch) < 128


def test_batches_depend_on_seed_and_step(data):
    first, second = ([*make(data).train_batches(s).take(2)] for s in (0, 1))
    np.testing.assert_array_equal(first[1], second[0])
    other = next(iter(make(data, seed=2).train_batches()))
    assert not np.array_equal(other, first[0])


def test_fewer_images_are_the_same_for_every_seed(data):
    everything = make(data)
    some = make(data, num_train=10, num_test=5)
    np.testing.assert_array_equal(some.test_images, everything.test_images[:5])
    other = make(data, num_train=10, seed=2)
    np.testing.assert_array_equal(some.train_images, other.train_images)
    pixels = [image.tobytes() for image in everything.train_images]
    chosen = [pixels.index(image.tobytes()) for image in some.train_images]
    assert len(set(chosen)) == 10 and chosen != list(range(10))


def test_scores_against_numpy(complete, data):
    """The ELBO recomputed in float64, from the noise that evaluation draws."""
    folder, summary = complete
    experiment = make(data)
    model = keras.models.load_model(folder / "model.keras")

    def terms(array):
        posterior = model.posterior(array)
        loc, scale = np.float64(posterior.mean()), np.float64(posterior.stddev())
        evaluation = EvaluationNoise()
        evaluation.set_model(model)
        evaluation.on_test_begin()
        noise = np.float64(model.seed_generator.normal(loc.shape))
        errors = array / 255 - np.float64(model.decode(loc + scale * noise))
        kl = 0.5 * np.sum(loc**2 + scale**2 - 1 - 2 * np.log(scale), axis=1)
        return np.mean(errors**2), kl.mean()

    def gaussian_nll(variance):
        return 64 / 2 * (math.log(2 * math.pi * variance) + mse / variance)

    train_mse, _ = terms(experiment.train_images)
    mse, kl = terms(experiment.test_images)
    sigma = float(model.decoder.sigma)
    nll, recalibrated = gaussian_nll(sigma**2), gaussian_nll(train_mse)
    expected = {
        "nll": nll,
        "kl": kl,
        "elbo": -(nll + kl),
        "mse": mse,
        "rmse": math.sqrt(mse),
        "train_mse": train_mse,
        "sigma": sigma,
        "nll_recalibrated": recalibrated,
        "elbo_recalibrated": -(recalibrated + kl),
        "bits_per_dim": ((nll + kl) / 64 + math.log(256)) / math.log(2),
    }
    # Float32 in the model.
    assert {key: summary[key] for key in expected} == pytest.approx(expected, rel=1e-4)
    assert train_mse != pytest.approx(mse, rel=0.01)
    assert summary["bits_per_dim_mass"] > 0


def test_recalibrated_scores_are_those_of_another_sigma(complete, data):
    folder, summary = complete
    model = keras.models.load_model(folder / "model.keras")
    model.decoder.calibrate(tf.constant([summary["train_mse"]]))
    scores = make(data).evaluate(model)
    # Six decimal digits of `train_mse`, and float32.
    assert scores["nll"] == pytest.approx(summary["nll_recalibrated"], rel=1e-5)
    assert scores["elbo"] == pytest.approx(summary["elbo_recalibrated"], rel=1e-5)


def test_saved_model_has_the_same_scores_each_time(complete, data):
    folder, summary = complete
    model = keras.models.load_model(folder / "model.keras")
    assert isinstance(model, ConvVAE) and model.optimizer.iterations == STEPS
    for _ in range(2):
        scores = make(data).evaluate(model)
        assert scores == {key: summary[key] for key in scores}


def test_sigma_is_that_of_the_trained_model_on_training_images(complete, data):
    """Against a loop over the batches that would have come next."""
    folder, summary = complete
    experiment = make(data)
    model = keras.models.load_model(folder / "model.keras")
    errors = []
    with explicit_noise(model, experiment.seed):
        for batch in experiment.train_batches(STEPS).take(STEPS):
            terms = model.elbo_terms(batch, training=False)
            errors.append(np.float64(terms.target - terms.likelihood.mean()) ** 2)
    expected = math.sqrt(np.mean(errors))
    figures = summary["recalibration"]
    assert figures["steps"] == STEPS  # no more than of training, though 100 are asked
    assert figures["sigma"] == pytest.approx(expected, rel=1e-5)
    assert float(model.decoder.sigma) == pytest.approx(expected, rel=1e-5)
    assert summary["sigma"] == pytest.approx(expected, rel=1e-4)
    # What training left is in the checkpoint.
    trained = experiment.make_model()
    load_checkpoint(trained, folder / "checkpoint")
    before = float(trained.decoder.sigma)
    assert figures["sigma_before"] == pytest.approx(before, rel=1e-5)
    assert abs(before / expected - 1) > 1e-3, "nothing to recalibrate"


def test_a_run_stopped_after_training_ends_with_the_same_sigma(
    complete, data, tmp_path, monkeypatch
):
    """Stopped before the recalibrated model is saved, then while it is evaluated."""
    for place in ("explicit_noise", "evaluate_images"):
        module = "training_options" if place == "explicit_noise" else "image_experiment"
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            target = f"tfsigmavae.experiments.{module}.{place}"
            patch.setattr(target, lambda *args, **kwargs: signal.raise_signal(2))
            make(data).run(tmp_path / "run")
    summary = make(data).run(tmp_path / "run")
    assert scores_of(summary) == scores_of(complete[1])
    models = [
        keras.models.load_model(folder / "model.keras")
        for folder in (complete[0], tmp_path / "run")
    ]
    for one, two in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(one, two, err_msg=one.path)


@pytest.mark.parametrize(
    "decoder", ["fixed_sigma", "shared_sigma", "per_pixel_sigma", "bitwise_categorical"]
)
def test_decoders_without_a_running_sigma_stay_as_they_are(data, decoder):
    options = {"sigma": 0.1} if decoder == "fixed_sigma" else {}
    experiment = make(data, decoder=decoder, decoder_options=options)
    model = experiment.make_model()
    before = [np.array(weight) for weight in model.weights]
    assert recalibrate(experiment, model) == {}
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_recalibration_may_be_left_out_or_be_of_channels(data):
    model = make(data).make_model()
    assert recalibrate(make(data, recalibration_steps=0), model) == {}
    assert float(model.decoder.sigma) == 1.0
    experiment = make(data, decoder="optimal_sigma_per_channel", channels=3)
    model = experiment.make_model()
    figures = recalibrate(experiment, model)["recalibration"]
    mean_square = np.mean(np.square(model.decoder.sigma))
    assert figures["sigma"] == pytest.approx(math.sqrt(mean_square), rel=1e-5) != 1.0


NEW_OPTIONS = ("warm_up_steps", "kl_ramp", "recalibration_steps")


def test_a_run_of_an_older_version_goes_on(complete, data, tmp_path, monkeypatch):
    """Its record knows nothing of options that came later."""
    folder = tmp_path / "run"
    shutil.copytree(complete[0], folder)
    (folder / "summary.json").unlink()
    config = read(folder, "config.json")
    for name in NEW_OPTIONS:
        del config[name]

    def forget():
        (folder / "config.json").write_text(json.dumps(config))

    forget()
    with pytest.raises(ValueError, match=r"other options .kl_ramp 0.0 -> 0.5."):
        make(data, kl_ramp=0.5).run(folder)
    summary = make(data).run(folder)
    assert scores_of(summary) == scores_of(complete[1])
    assert read(folder, "config.json") == make(data).options()
    with pytest.raises(ValueError, match="other options .recalibration_steps 100 -> 3"):
        make(data, recalibration_steps=3).run(folder)
    forget()  # a complete one answers, whatever it was not asked then
    monkeypatch.setattr(ImageExperiment, "make_model", lambda self: 1 / 0)
    assert make(data, recalibration_steps=0).run(folder) == summary


def test_so_does_a_reproduction_of_an_older_version(data, tmp_path):
    run = Study("grey", {"data": str(data), "steps": 2}, {"optimal": 1}).runs()[0]
    assert run.experiment.recalibration_steps == 0
    files, options = Files(tmp_path), run.experiment.options()
    old = {name: v for name, v in options.items() if name not in NEW_OPTIONS}
    write_json(files.run(run.name) / "config.json", old)
    write_json(files.run(run.name) / "run.json", {})
    plan = {"runs": {run.name: {"options": options}}, "studies": {}}
    check_existing(files, plan)
    plan["runs"][run.name]["options"]["seed"] = 1
    with pytest.raises(ValueError, match="seed 0 -> 1"):
        check_existing(files, plan)


def test_scores_where_there_is_no_single_sigma(data):
    def scores_of_untrained(decoder, **changes):
        experiment = make(data, decoder=decoder, **changes)
        return experiment.evaluate(experiment.make_model())

    grey_levels = scores_of_untrained("bitwise_categorical")
    assert grey_levels["bits_per_dim_mass"] == grey_levels["bits_per_dim"]
    assert not {"sigma", "nll_recalibrated", "elbo_recalibrated"} & set(grey_levels)
    assert "bits_per_dim_mass" not in scores_of_untrained("bernoulli")
    channels = scores_of_untrained("optimal_sigma_per_channel", channels=3)
    assert "sigma" in channels and "nll_recalibrated" not in channels
    # The KL weight of training has no part in the bound.
    by_hand = {"decoder_options": {"sigma": 0.5}}
    assert scores_of_untrained("fixed_sigma", beta=3.0, **by_hand) == (
        scores_of_untrained("fixed_sigma", beta=1.0, **by_hand)
    )


def test_a_sigma_set_by_hand_is_asked_for(data):
    with pytest.raises(ValueError, match="'fixed_sigma' needs its `sigma`"):
        make(data, decoder="fixed_sigma")


def test_train_mse_is_of_five_thousand_images_at_most(data, monkeypatch):
    asked = {}

    def record(model, test_images, train_images):
        asked.update(test=test_images, train=train_images)
        return {}

    target = "tfsigmavae.experiments.image_experiment.image_scores"
    monkeypatch.setattr(target, record)
    experiment = make(data)
    many = np.random.default_rng(0).integers(0, 256, [5050, 8, 8, 1], dtype=np.uint8)
    vars(experiment)["train_images"] = many
    experiment.evaluate(None)
    assert asked["test"] is experiment.test_images
    assert asked["train"].shape == (5000, 8, 8, 1)
    assert not np.array_equal(asked["train"], many[:5000])


def test_complete_run_is_not_repeated(complete, data, monkeypatch):
    folder, summary = complete
    monkeypatch.setattr(ImageExperiment, "make_model", lambda self: 1 / 0)
    assert make(data).run(folder) == summary


def test_other_options_are_refused_by_name(complete, data):
    with pytest.raises(ValueError, match="other options .beta 1.0 -> 2.0."):
        make(data, beta=2.0).run(complete[0])


def test_interrupted_run_resumes_to_the_same_weights(
    complete, data, tmp_path, monkeypatch
):
    """Ctrl-C after three steps, then the same call again."""
    original = TrainingCheckpoint.on_train_batch_end

    def interrupt(self, batch, logs=None):
        original(self, batch, logs)
        if batch == 2:
            signal.raise_signal(signal.SIGINT)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCheckpoint, "on_train_batch_end", interrupt)
        assert make(data).run(folder) is None
    assert not (folder / "summary.json").exists()
    assert read(folder, "run.json")["steps"] == 3
    assert not (folder / "samples" / "samples.png").exists()

    summary = make(data).run(folder)
    assert scores_of(summary) == scores_of(complete[1])
    models = [
        keras.models.load_model(path / "model.keras") for path in (complete[0], folder)
    ]
    for one, two in zip(*(m.weights + m.optimizer.variables for m in models), strict=1):
        np.testing.assert_array_equal(one, two, err_msg=one.path)
    pictures = "samples-000002.png", "samples-000004.png", "reconstructions.png"
    for name in pictures:
        ours = (folder / "samples" / name).read_bytes()
        assert ours == (complete[0] / "samples" / name).read_bytes(), name


def test_more_steps_train_a_complete_run_further(complete, data, tmp_path):
    """No option but `steps` may differ, and what is learned is that of one attempt."""
    folder = tmp_path / "run"
    shutil.copytree(complete[0], folder)
    summary = make(data, steps=STEPS + 2).run(folder)
    assert summary["steps"] == STEPS + 2 == read(folder, "summary.json")["steps"]
    at_once = make(data, steps=STEPS + 2).run(tmp_path / "at_once")
    assert scores_of(summary) == scores_of(at_once)
    with pytest.raises(ValueError, match=f"steps {STEPS + 2} -> {STEPS}"):
        make(data).run(folder)


def test_changed_data_are_refused_or_recorded(data, tmp_path, monkeypatch):
    pictures, folder = tmp_path / "pictures", tmp_path / "run"
    shutil.copytree(data, pictures)
    trained = []
    monkeypatch.setattr(ImageExperiment, "_train", lambda self, *a: trained.append(1))
    for _ in range(2):
        make(pictures).run(folder)
    write_png(pictures / "test" / "00.png", np.zeros([8, 8, 1], np.uint8))
    with pytest.raises(ValueError, match="data of the run .* have changed"):
        make(pictures).run(folder)
    assert len(trained) == 2
    make(pictures).run(folder, accept_changed_data=True)
    (before,) = read(folder, "data.json")["before"]
    now = read(folder, "data.json")["digest"]
    assert before["digest"]["train"] == now["train"]
    assert before["digest"]["test"] != now["test"]


def test_validation_and_previews_do_not_change_training(complete, data, tmp_path):
    plain = make(data, validation_images=0, preview_every=0)
    summary = plain.run(tmp_path / "run")
    assert scores_of(summary) == scores_of(complete[1])
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 2
    assert "val_" not in (tmp_path / "run" / "history.csv").read_text()


def test_seed_decides_the_run(complete, data, tmp_path):
    other = make(data, seed=2).run(tmp_path / "run")
    assert other["nll"] != complete[1]["nll"]


def test_every_option_reaches_the_model(data):
    model = make(
        data,
        model_options={"latent_size": 3, "widths": [4, 2, 2], "max_gradient_norm": 5.0},
        decoder="fixed_sigma",
        decoder_options={"sigma": 0.3},
        beta=0.5,
        learning_rate=0.01,
        decay_from=0.5,
        precision="mixed_bfloat16",
        image_size=16,
        channels=3,
    ).make_model()
    assert model.image_shape == (16, 16, 3)
    assert (model.latent_size, model.widths, model.beta) == (3, (4, 2, 2), 0.5)
    assert model.max_gradient_norm == 5.0 and model.seed == 1
    assert isinstance(model.decoder, FixedSigma) and model.decoder.sigma == 0.3
    assert model.dtype_policy.name == "mixed_bfloat16"
    rate = model.optimizer.get_config()["learning_rate"]["config"]
    assert (rate["learning_rate"], rate["num_steps"]) == (0.01, STEPS)
    assert rate["decay_from"] == 0.5


def test_hierarchical_model_tells_the_rate_of_its_levels(data):
    options = {"levels": ((2, 2), (4, 1)), "width": 2, "num_blocks": 1}
    experiment = make(data, model="hierarchical", model_options=options)
    model = experiment.make_model()
    assert isinstance(model, HierarchicalVAE) and model.width == 2
    scores = experiment.evaluate(model)
    assert scores["kl_0"] + scores["kl_1"] == pytest.approx(scores["kl"], rel=1e-5)


def test_wrong_options_are_refused(data):
    for changes, message in (
        (
            {"model": "convolutional"},
            "Unknown model 'convolutional'. Choose one of: conv",
        ),
        ({"steps": 0}, "`steps` must be an int >= 1"),
        ({"num_test": 0}, "`num_test` must be an int >= 1"),
        ({"validation_images": -1}, "`validation_images` must be an int >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            make(data, **changes)
    with pytest.raises(ValueError, match="`num_train` must be at most the 24 images"):
        make(data, num_train=25).make_model()
    with pytest.raises(ValueError, match="`num_test` must be at most the 12 images"):
        make(data, num_test=13).test_images  # noqa: B018
    few = make(data, num_test=2, validation_images=3)
    with pytest.raises(ValueError, match="`validation_images` must be at most the 2"):
        few.test_images  # noqa: B018
    with pytest.raises(TypeError, match="'conv' has no option 'depth'.*latent_size"):
        make(data, model_options={"depth": 3})
    with pytest.raises(TypeError, match="no option 'beta'"):
        make(data, model_options={"beta": 3})


def test_splits_of_other_shapes_are_refused_before_training(tmp_path):
    for split, size in (("train", 8), ("test", 12)):
        write_png(tmp_path / split / "0.png", np.zeros([size, size, 1], np.uint8))
    experiment = make(tmp_path, validation_images=0)
    with pytest.raises(ValueError, match="one shape.*Set `image_size`"):
        experiment.run(tmp_path / "run")


def test_defaults_are_the_papers():
    options = ImageExperiment().options()
    paper = {
        "steps": 10 * math.ceil(73_257 / 128),
        "batch_size": 128,
        "learning_rate": 1e-3,
        "decay_from": 1.0,
        "model": "conv",
        "decoder": "optimal_sigma",
        "beta": 1.0,
    }
    assert {name: options[name] for name in paper} == paper
    assert options["model_options"]["latent_size"] == 20
    assert options["model_options"]["widths"] == [32, 64, 128]


def test_dry_run_reads_and_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    experiment = make("no such folder", steps=1000, num_train=7, image_size=8)
    summary = dry_run(experiment)
    assert summary["steps"] == 2 and summary["num_dims"] == 64
    assert math.isfinite(summary["elbo"]) and "samples" not in summary
    # TensorFlow writes the code it traces into the same folder.
    kept = [p for p in tmp_path.iterdir() if not p.name.startswith("__autograph")]
    assert kept == []
    assert experiment.steps == 1000


def test_diverged_training_is_told_by_the_preview(data, tmp_path):
    model = make(data).make_model()
    model.generator.weights[-1].assign([math.nan])
    with pytest.raises(DivergedError, match="Training has diverged"):
        ImagePreview(tmp_path, make(data).test_images, 1).write(model)
    assert list(tmp_path.iterdir()) == []
