"""Evaluations of image models, each figure against NumPy or another function."""

import csv
import dataclasses
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae import ConvVAE, calibration
from tfsigmavae.decoders import OptimalSigma
from tfsigmavae.evaluation import ImageProtocol, evaluate_images
from tfsigmavae.evaluation.images import evaluation as module
from tfsigmavae.evaluation.images import metrics as rows
from tfsigmavae.evaluation.images import scores as scores_of
from tfsigmavae.evaluation.report import write_report
from tfsigmavae.metrics import frechet_distance, psnr
from tfsigmavae.metrics.extractors import Function
from tfsigmavae.models import VariationalModel

PROTOCOL = dataclasses.replace(
    ImageProtocol.get("smoke"), num_images=None, num_samples=30
)
NUM = 24


def averages(pixels):
    """Four features: means over the quarters of an image."""
    num, half = len(pixels), pixels.shape[1] // 2
    quarters = np.reshape(pixels, [num, 2, half, 2, half, -1])
    return quarters.mean((2, 4, 5)).reshape(num, 4)


@pytest.fixture(scope="module")
def data():
    """Bright discs on dark ground, `[24, 16, 16, 1]` uint8."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    centres = rng.uniform(4, 12, (NUM, 2, 1, 1))
    distance = np.hypot(y - centres[:, 0], x - centres[:, 1])
    images = np.where(distance < 4, 200, 40) + rng.integers(0, 20, (NUM, 16, 16))
    return images[..., None].astype(np.uint8)


@pytest.fixture(scope="module")
def model(data):
    model = ConvVAE((16, 16, 1), latent_size=3, widths=(4, 8), seed=0)
    model.decoder.calibrate(tf.constant([0.04]))
    # Posteriors far from the prior: a rate that no other figure can hide.
    head = model.encoder.layers[-2]
    head.kernel.assign(30.0 * head.kernel)
    return model


@pytest.fixture(scope="module")
def found(model, data, tmp_path_factory):
    """Folder and evaluation with all that there is."""
    folder = tmp_path_factory.mktemp("evaluation")
    told = {"path": "discs", "split": "test", "held_out": True}
    return folder, evaluate_images(
        model,
        data,
        PROTOCOL,
        folder,
        extractor=averages,
        data=told,
        title="discs",
        train_images=data[:12],
    )


def test_file_and_answer_are_the_same_json(found):
    folder, evaluation = found
    assert json.loads((folder / "metrics.json").read_text()) == evaluation.metrics
    metrics = evaluation.metrics
    assert (metrics["kind"], metrics["title"]) == ("image", "discs")
    assert metrics["protocol"]["modified"] == {"num_images": None, "num_samples": 30}
    assert metrics["protocol"]["extractor"]["name"] == "averages"
    assert metrics["data"]["clips"] == metrics["data"]["of"] == NUM
    assert metrics["data"]["path"] == "discs" and metrics["data"]["held_out"] is True
    assert metrics["model"]["class"] == "ConvVAE" and metrics["model"]["latents"] == 3


def test_reconstructions_are_scored_image_by_image(found, model, data):
    scores = found[1].metrics["scores"]
    values = psnr(model.reconstruct(data), data).numpy().astype(np.float64)
    row = scores["psnr"]["reconstruction"]
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-6)
    assert row["error"] == pytest.approx(values.std(ddof=1) / NUM**0.5, rel=1e-5)
    assert row["count"] == NUM and row["curve"] is None
    # 16 pixels have room for both windows.
    assert list(scores) == ["psnr", "ssim", "ssim_uniform"]


def test_values_are_what_the_means_are_of(found):
    metrics, values = found[1].metrics, found[1].values
    for name, sources in metrics["scores"].items():
        for source, row in sources.items():
            each = values["scores"][name][source]
            assert each.shape == (NUM,)
            assert row["mean"] == pytest.approx(each.mean(dtype=np.float64), rel=1e-6)
    for name in ("elbo", "kl", "bound", "bits_per_dim_mass"):
        each = np.float64(values["likelihood"][name])
        mean = metrics["likelihood"][name]["mean"]
        assert mean == pytest.approx(each.mean(), rel=1e-6)
    assert metrics["likelihood"]["measure"] == "density"


def test_a_model_without_an_importance_sampler_has_no_bound(data, monkeypatch):
    model = ConvVAE((16, 16, 1), latent_size=2, widths=(2, 2), seed=0)
    base = VariationalModel.importance_sampler
    monkeypatch.setattr(ConvVAE, "importance_sampler", base)
    metrics = evaluate_images(model, data[:4], "smoke", quiet=True).metrics
    assert "bound" not in metrics["likelihood"] and "elbo" in metrics["likelihood"]
    (note,) = metrics["notes"]
    assert note.startswith("ConvVAE has no `importance_sampler`")


def test_the_mean_training_image_stands_beside(found, data):
    metrics = found[1].metrics
    mean = (data[:12] / 255.0).mean(0)
    mse = np.square(data / 255.0 - mean).mean((1, 2, 3))
    expected = np.mean(-10.0 * np.log10(mse))
    row = metrics["scores"]["psnr"]["mean_image"]
    assert row["mean"] == pytest.approx(expected, rel=1e-5)
    source = {"label": "mean training image", "kind": "baseline"}
    assert metrics["sources"]["mean_image"] == source


def test_likelihood_is_that_of_the_model(found, model, data):
    likelihood = found[1].metrics["likelihood"]
    elbo, nll, kl = (likelihood[name]["mean"] for name in ("elbo", "nll", "kl"))
    assert elbo == pytest.approx(-(nll + kl), rel=1e-6)
    rates = model.latent_rates(data).numpy().sum(1)
    assert kl == pytest.approx(rates.mean(), rel=1e-5)
    bits = (-elbo / 256 + math.log(256)) / math.log(2)
    assert likelihood["bits_per_dim"]["mean"] == pytest.approx(bits, rel=1e-6)
    # A density that is smooth over a grey level: both are about the same.
    mass = likelihood["bits_per_dim_mass"]["mean"]
    assert mass == pytest.approx(bits, abs=0.02)
    assert kl / 256 / math.log(2) > 0.1
    bound = model.log_likelihood(data, 2, seed=0, batch_size=10)
    assert likelihood["bound"]["mean"] == pytest.approx(np.mean(bound), rel=1e-6)
    assert likelihood["num_importance_samples"] == 2 and likelihood["num_dims"] == 256


def test_rates_of_the_latents_add_up_to_the_kl(found, model, data):
    metrics = found[1].metrics
    rates = metrics["rates"]
    np.testing.assert_allclose(
        rates["mean"], model.latent_rates(data).numpy().mean(0), rtol=1e-5
    )
    assert sum(rates["mean"]) == pytest.approx(
        metrics["likelihood"]["kl"]["mean"], rel=1e-5
    )
    active = sum(rate > 0.01 for rate in rates["mean"])
    assert (rates["active"], rates["num_latents"]) == (active, 3)


def test_calibration_is_that_of_posterior_samples(found, model, data):
    sigma = found[1].metrics["calibration"]["posterior"]["sigma"]
    assert sigma["sigma"] == pytest.approx(float(model.decoder.sigma), rel=1e-5)
    # The same posterior samples: squared errors of which nll is made.
    nll = found[1].metrics["likelihood"]["nll"]["mean"]
    variance = float(model.decoder.sigma) ** 2
    mse = (2 * nll / 256 - math.log(2 * math.pi * variance)) * variance
    # `smoke` checks the first 20 of the 24 images.
    assert sigma["rmse"] == pytest.approx(math.sqrt(mse), rel=0.05)
    assert sigma["ratio"] == pytest.approx(sigma["rmse"] / sigma["sigma"])
    likelihood, target = model.posterior_likelihood(data[:10], seed=0)
    assert sigma["ratio"] == pytest.approx(
        calibration.sigma_ratio(likelihood, target), rel=0.1
    )


def test_calibration_is_of_the_first_images_each_by_itself(model, data):
    scored = scores_of.score_images(model, data, data[0], PROTOCOL, quiet=True)
    assert [part["count"].item() for part in scored.calibration] == [256.0] * 20
    assert PROTOCOL.calibration_images == 20 < NUM


def test_distances_are_those_of_samples_and_of_reconstructions(found, model, data):
    distances = found[1].metrics["distances"]
    assert set(distances) == {
        f"{kind}[averages]{of}"
        for kind in ("frechet", "kernel")
        for of in ("", " of reconstructions")
    }
    features = averages(data / 255.0), averages(model.reconstruct(data))
    row = distances["frechet[averages] of reconstructions"]
    # Of float32 features of slightly other rounding.
    assert row["value"] == pytest.approx(frechet_distance(*features), rel=1e-4)
    assert (row["num_real"], row["num_generated"]) == (NUM, NUM)
    row = distances["frechet[averages]"]
    assert (row["num_generated"], row["repeats"]) == (30, 1)
    # An untrained model samples grey: further away than the discs' own halves.
    assert row["value"] > row["floor"] > row["self_test"] >= 0.0
    assert row["self_test"] < 1e-6


def test_the_table_has_a_row_for_each_number(found):
    folder, evaluation = found
    rows = list(csv.DictReader((folder / "metrics.csv").open(newline="")))
    metrics = evaluation.metrics
    num_likelihoods = sum(
        isinstance(row, dict) for row in metrics["likelihood"].values()
    )
    assert len(rows) == NUM * (2 * len(metrics["scores"]) + num_likelihoods)
    values = [
        float(row["value"])
        for row in rows
        if (row["source"], row["metric"]) == ("reconstruction", "ssim")
    ]
    expected = metrics["scores"]["ssim"]["reconstruction"]["mean"]
    assert np.mean(values) == pytest.approx(expected, rel=1e-5)
    assert {row["step"] for row in rows} == {row["sample"] for row in rows} == {""}


def test_pictures_and_figures_make_a_report(found, tmp_path):
    evaluation = found[1]
    titles = [picture.title for picture in evaluation.pictures]
    kinds = ("Best", "Median", "Worst")
    assert titles == ["Samples", *(f"{kind} reconstructions" for kind in kinds)]
    page = write_report(
        tmp_path / "report.html", [evaluation.metrics], evaluation.pictures
    ).read_text()
    for words in ("mean training image", "Calibration", "frechet[averages]", "ELBO"):
        assert words in page


def test_the_same_call_gives_the_same_figures_and_leaves_the_model_alone(model, data):
    protocol = dataclasses.replace(PROTOCOL, importance_samples=1)

    def evaluate():
        metrics = evaluate_images(
            model, data, protocol, quiet=True, with_pictures=False
        ).metrics
        return {k: v for k, v in metrics.items() if k != "environment"}

    first = evaluate()
    model.sample(1)  # other noise of the model's own
    assert json.dumps(evaluate()) == json.dumps(first)
    other = evaluate_images(
        model, data, ImageProtocol.get(protocol, seed=1), with_pictures=False
    )
    assert other.metrics["likelihood"]["nll"] != first["likelihood"]["nll"]
    assert other.metrics["scores"] == first["scores"]  # reconstructions have no noise


def test_every_part_of_the_work_tells_how_far_it_is(model, data, capsys):
    options = {"with_pictures": False, "num_samples": 12, "extractor": averages}
    evaluate_images(model, data[:6], PROTOCOL, **options)
    lines = capsys.readouterr().err.splitlines()
    told = ["Scoring: {} of 6 images", "Bound: {} of 6 images"]
    told += ["Features: {} of 6 images", "Features: {} of 12 samples"]
    assert len(lines) == 8
    for text, first, last in zip(told, lines[::2], lines[1::2], strict=True):
        number = text.split()[-2]
        assert first == text.format(0)
        assert last.startswith(text.format(number) + ", took ")
    evaluate_images(model, data[:6], PROTOCOL, quiet=True, **options)
    assert capsys.readouterr().err == ""


def test_evaluation_uses_up_no_noise_of_the_model(model, data):
    before = np.array(model.seed_generator.state)
    evaluate_images(model, data[:4], PROTOCOL, quiet=True)
    np.testing.assert_array_equal(model.seed_generator.state, before)


@pytest.mark.parametrize("decoder", ["categorical", "bernoulli", "student_t"])
def test_other_decoders_have_what_their_measure_allows(decoder, data):
    model = ConvVAE((16, 16, 1), 2, (2, 2), decoder=decoder, seed=0)
    images, protocol = data[:6], ImageProtocol.get("smoke", importance_samples=0)
    metrics = evaluate_images(model, images, protocol, with_pictures=False).metrics
    likelihood = metrics["likelihood"]
    assert "bound" not in likelihood
    assert ("bits_per_dim" in likelihood) == (decoder != "bernoulli")
    if decoder == "bernoulli":
        assert metrics["calibration"] is None
        assert "grey pixels" in metrics["notes"][0]
    else:
        assert metrics["calibration"]["posterior"]["sigma"]["ratio"] > 0.0
        assert metrics["notes"] == []
    if decoder == "categorical":
        assert likelihood["bits_per_dim"] == likelihood["bits_per_dim_mass"]


def test_one_image_has_no_error_and_small_ones_no_ssim(tmp_path):
    model = ConvVAE((8, 8, 3), 2, (2, 2), seed=0)
    image = np.full([1, 8, 8, 3], 0.5, np.float32)
    found = evaluate_images(model, image, "smoke", tmp_path)
    assert list(found.metrics["scores"]) == ["psnr", "ssim_uniform"]
    assert found.metrics["scores"]["psnr"]["reconstruction"]["error"] is None
    assert found.metrics["sources"]["mean_image"]["label"] == "mean test image"
    assert "NaN" not in (tmp_path / "metrics.json").read_text()


def test_a_new_metric_is_one_row(model, data, tmp_path, monkeypatch):
    def darkness(images, references):
        return 1.0 - tf.reduce_mean(images, [1, 2, 3])

    row = rows.ImageMetric(darkness, min, "Darkness", "", "a metric of a test")
    monkeypatch.setitem(rows.METRICS, "darkness", row)
    found = evaluate_images(model, data[:4], PROTOCOL, tmp_path, quiet=True)
    expected = 1.0 - np.mean(model.reconstruct(data[:4]))
    row = found.metrics["scores"]["darkness"]["reconstruction"]
    assert row["mean"] == pytest.approx(expected, rel=1e-5)
    assert "darkness" in (tmp_path / "metrics.csv").read_text()
    page = write_report(tmp_path / "report.html", [found.metrics])
    assert "Darkness" in page.read_text()


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (lambda images, references: 0.0, r"shape \(\)"),
        (lambda images, references: tf.reduce_mean(images, [1, 2]), r"shape \(4, 1\)"),
        (lambda images, references: tf.fill([4], math.nan), "infinity or NaN"),
        (lambda images, references: tf.fill([4], math.inf), "infinity or NaN"),
    ],
)
def test_a_metric_that_makes_no_sense_is_named(
    model, data, tmp_path, monkeypatch, score, words
):
    row = rows.ImageMetric(score, min, "Mine")
    monkeypatch.setitem(rows.METRICS, "mine", row)
    with pytest.raises(ValueError, match=f"Metric 'mine'.*{words}"):
        evaluate_images(model, data[:4], PROTOCOL, tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_a_model_that_diverged_is_named(data, tmp_path):
    diverged = ConvVAE((16, 16, 1), 2, (2, 2), seed=0)
    diverged.trainable_variables[-1].assign(math.nan + diverged.trainable_variables[-1])
    with pytest.raises(ValueError, match="of the ConvVAE is not finite: its training"):
        evaluate_images(diverged, data[:4], PROTOCOL, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_found_before_anything_is_computed(
    model, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "score_images", None)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="Nothing can be written to"):
        evaluate_images(model, data[:4], PROTOCOL, tmp_path / "file", quiet=True)


def test_what_does_not_fit_is_refused_before_anything_is_written(model, data, tmp_path):
    real = ConvVAE((16, 16, 1), 2, (2, 2), decoder=OptimalSigma(values="real"))
    refused = [
        (model, data[:, :8], ValueError, "`images` must be"),
        (model, data[:0], ValueError, "holds no images"),
        (model.encoder, data, TypeError, "must be an ImageVAE, got"),
        (real, data / np.float32(255.0), TypeError, 'values="real"'),
    ]
    for candidate, images, error, words in refused:
        with pytest.raises(error, match=words):
            evaluate_images(candidate, images, PROTOCOL, tmp_path / "out")
    clips = Function(averages, per="clip")
    for extractor, number, words in ((clips, 24, "takes clips"), (averages, 3, "4 im")):
        with pytest.raises(ValueError, match=words):
            evaluate_images(model, data[:number], PROTOCOL, tmp_path / "out", extractor)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"num_images": 0}, ValueError, "`num_images` must be an int >= 1"),
        ({"seed": -1}, ValueError, "`seed` must be"),
        ({"shots": 3}, TypeError, "shots"),
    ],
)
def test_a_protocol_refuses_what_it_does_not_know(changes, error, words):
    with pytest.raises(error, match=words):
        ImageProtocol.get("images", **changes)
    with pytest.raises(ValueError, match="Choose one of"):
        ImageProtocol.get("imagse")


def test_a_protocol_is_told_whole_and_knows_what_was_changed():
    assert ImageProtocol.get("images").modified() == {}
    changed = ImageProtocol.get("images", num_samples=10, seed=None)
    assert changed.as_dict()["modified"] == {"num_samples": 10}
    assert changed.as_dict()["seed"] == 0
    assert ImageProtocol("mine", seed=3).modified() == {}
