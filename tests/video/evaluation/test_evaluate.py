"""`evaluate`, as people call it.

| what they do                                    | what they get                     |
|-------------------------------------------------|-----------------------------------|
| call it, look at JSON, CSV and pictures         | the same figures in all of them   |
| recompute a figure by hand                      | the same                          |
| stop it, and call it again                      | an identical metrics.json         |
| call it again when it is done                   | nothing is computed anew          |
| ask for more clips than there are               | all of them, and it says so       |
| add a metric of their own                       | a row of JSON, CSV and report     |
| give a network for features, or a function      | distances by its name             |
| bring a model of their own, or one with actions | all that it tells                 |
| take another model, seed or data, same folder   | an error; nothing is mixed        |
| forget frames, actions, an extractor            | an error that shows the way       |
"""

import csv
import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from drifting_model import DriftingModel
from npy_clips import NpyClips
from tiny_svg_lp import random_clips, randomise_weights, tiny_model

from tfsigmavae.evaluation.report import write_report
from tfsigmavae.metrics import frechet_distance
from tfsigmavae.metrics.extractors import Function
from tfsigmavae_video.evaluation import (
    clip_scores,
    evaluate,
    evaluated_clips,
    shown_clips,
)
from tfsigmavae_video.evaluation.frame_metrics import METRICS, Metric
from tfsigmavae_video.evaluation.protocol import Protocol

SHAPE = (16, 16, 3)
NUM_CLIPS, LENGTH = 5, 7
PROTOCOL = Protocol(
    "mine",
    num_context=3,
    num_predicted=4,
    num_samples=6,
    noise_samples=5,
    importance_samples=2,
    seed=7,
)

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def in_parts():
    """Two clips are a part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluated_clips, "_MOST_FUTURES", 12)
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    clips = random_clips(NUM_CLIPS, LENGTH + 1, SHAPE) // 2
    clips[:, :, :6] = clips[:, :1, :6]  # the upper rows stand still
    files = [folder / f"{number}.npy" for number in range(NUM_CLIPS)]
    for file, clip in zip(files, clips, strict=True):
        np.save(file, clip)
    return NpyClips(files)


@pytest.fixture(scope="module")
def model():
    """Its functions are traced once, for all tests; other models run eagerly."""
    model = tiny_model(frame_shape=SHAPE)
    randomise_weights(model)
    model.decoder.calibrate(tf.fill([3], 0.04))
    return model


@pytest.fixture(scope="module")
def complete(model, source, tmp_path_factory):
    """Folder and result of an evaluation that nothing disturbed."""
    folder = tmp_path_factory.mktemp("evaluated")
    return folder, evaluate(model, source, PROTOCOL, folder, quiet=True)


@pytest.fixture(scope="module")
def futures(model, source):
    """Clips, and all futures `[S, N, T, ...]` that the protocol asks for."""
    clips = np.stack([clip[:LENGTH] for clip in source._clips]) / np.float32(255)
    samples = model.predict_frames(clips[:, :3], 4, 6, seed=7, sample_batch_size=10)
    return clips, samples.numpy()


def _rows(folder):
    with open(folder / "metrics.csv", newline="") as lines:
        return list(csv.DictReader(lines))


def test_files_are_whole_and_strict(complete):
    folder, found = complete
    names = {path.name for path in folder.iterdir()}
    assert names == {"metrics.json", "metrics.csv", "parts", "report.html"}
    text = (folder / "metrics.json").read_text()
    assert json.loads(text) == found.metrics
    assert json.dumps(found.metrics, allow_nan=False)
    told = found.metrics["protocol"]
    assert told["name"] == "mine" and told["num_samples"] == 6
    assert told["conventions"]["ssim_uniform"].startswith("uniform window 7x7")
    assert found.metrics["data"]["clips"] == NUM_CLIPS
    assert found.metrics["data"]["of"] == NUM_CLIPS
    assert found.metrics["model"]["class"] == "SVGLP"


def test_psnr_equals_a_recomputation(complete, futures, model):
    clips, samples = futures
    scores = complete[1].metrics["scores"]["psnr"]
    truth = clips[:, 3:]
    psnr = -10 * np.log10(((samples - truth) ** 2).mean((-3, -2, -1)))  # [S, N, T]
    best = psnr.mean(-1).argmax(0)
    expected = {
        "best": psnr[best, np.arange(NUM_CLIPS)],
        "mean": psnr.mean(0),
        "mean_prediction": -10
        * np.log10(((samples.mean(0) - truth) ** 2).mean((-3, -2, -1))),
        "copy_last": -10 * np.log10(((clips[:, 2:3] - truth) ** 2).mean((-3, -2, -1))),
        "mean_frame": -10
        * np.log10(
            ((clips[:, :3].mean(1, keepdims=True) - truth) ** 2).mean((-3, -2, -1))
        ),
    }
    rollout = model.reconstruct(clips, teacher_forced=False, num_context=3).numpy()[
        :, 2:
    ]
    forced = model.reconstruct(clips).numpy()[:, 2:]
    for name, frames in (("posterior_rollout", rollout), ("reconstruction", forced)):
        expected[name] = -10 * np.log10(((frames - truth) ** 2).mean((-3, -2, -1)))
    assert scores["posterior_rollout"] != scores["reconstruction"]
    for name, values in expected.items():
        row = scores[name]
        # float32 sums over pixels in another order.
        np.testing.assert_allclose(row["curve"], values.mean(0), rtol=1e-5)
        errors = values.std(0, ddof=1) / math.sqrt(NUM_CLIPS)
        np.testing.assert_allclose(row["curve_error"], errors, rtol=1e-3)
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-5)
        spread = values.mean(1).std(ddof=1) / math.sqrt(NUM_CLIPS)
        assert row["error"] == pytest.approx(spread, rel=1e-3)
        assert row["count"] == NUM_CLIPS


def test_moved_pixels_equal_a_recomputation(complete, futures):
    clips, samples = futures
    scores = complete[1].metrics["scores"]
    truth, last = clips[:, 3:], clips[:, 2:3]
    moved = np.broadcast_to(
        (np.abs(truth - last) > 0.1).any(-1, keepdims=True), truth.shape
    )
    assert 0.2 < moved.mean() < 0.8
    psnr, spread = np.zeros([6, NUM_CLIPS, 4]), np.zeros([NUM_CLIPS, 4])
    for n, t in np.ndindex(spread.shape):
        at = moved[n, t]
        error = (samples[:, n, t][:, at] - truth[n, t][at]) ** 2
        psnr[:, n, t] = -10 * np.log10(error.mean(-1))
        spread[n, t] = np.sqrt(samples[:, n, t][:, at].var(0).mean())
    curve = scores["psnr_moved"]["mean"]["curve"]
    np.testing.assert_allclose(curve, psnr.mean((0, 1)), rtol=1e-5)
    curve = scores["std_moved"]["futures"]["curve"]
    # Variances of nearly equal futures, in float32.
    np.testing.assert_allclose(curve, spread.mean(0), rtol=1e-3)


def test_crps_is_that_of_drawn_pixels(complete, futures, model):
    clips, _ = futures
    pixels = np.concatenate(
        [
            model.predict_frames(
                clips[n : n + 2, :3],
                4,
                5,
                seed=7,
                clip_numbers=range(n, min(n + 2, NUM_CLIPS)),
                sample_noise=True,
            )
            for n in range(0, NUM_CLIPS, 2)
        ],
        1,
    )
    truth = clips[:, 3:]
    error = np.abs(pixels - truth).mean(0)
    pairs = np.abs(pixels[:, None] - pixels[None]).sum((0, 1)) / (5 * 4)
    expected = (error - pairs / 2).mean((-3, -2, -1))
    row = complete[1].metrics["scores"]["crps"]["futures"]
    np.testing.assert_allclose(row["curve"], expected.mean(0), rtol=1e-4)
    told = complete[1].metrics["calibration"]["futures"]["crps"]
    assert told["value"] == pytest.approx(row["mean"], rel=1e-4)


def test_the_table_holds_what_the_averages_are_of(complete):
    folder, found = complete
    rows = _rows(folder)
    samples = [r for r in rows if (r["source"], r["metric"]) == ("sample", "psnr")]
    assert len(samples) == NUM_CLIPS * 6 * 4
    assert {row["step"] for row in samples} == set("1234")
    mean = np.mean([float(row["value"]) for row in samples])
    scores = found.metrics["scores"]["psnr"]
    assert mean == pytest.approx(scores["mean"]["mean"], rel=1e-5)
    bound = [float(r["value"]) for r in rows if r["metric"] == "bound"]
    told = found.metrics["likelihood"]["bound"]["mean"]
    assert sum(bound) / NUM_CLIPS == pytest.approx(told, rel=1e-5)
    steps = {int(r["step"]) for r in rows if r["metric"] == "bound"}
    assert steps == set(range(-1, 5))  # frame 1 is two before the first predicted


def test_likelihood_is_the_model_s_own(complete, futures, model):
    clips, _ = futures
    told = complete[1].metrics["likelihood"]
    assert told["frames"]["frame"] == [1, 2, 3, 4, 5, 6]
    assert sum(told["frames"]["kl"]) == pytest.approx(told["kl"]["mean"], rel=1e-5)
    assert told["elbo"]["mean"] == pytest.approx(
        -told["nll"]["mean"] - told["kl"]["mean"], rel=1e-6
    )
    rates = np.asarray(model.latent_rates(clips)).sum((1, 2))
    assert told["kl"]["mean"] == pytest.approx(rates.mean(), rel=1e-4)
    bits = (-told["elbo"]["mean"] / (6 * 768) + math.log(256)) / math.log(2)
    assert told["bits_per_dim"]["mean"] == pytest.approx(bits, rel=1e-5)
    rows = _rows(complete[0])
    steps = {
        name: [
            np.mean([float(r["value"]) for r in rows if r["metric"] == name and at(r)])
            for at in (lambda r, s=str(s): r["step"] == s for s in range(-1, 5))
        ]
        for name in ("log_mass", "kl", "bound")
    }
    nats = sum(steps["kl"]) - sum(steps["log_mass"])
    assert told["bits_per_dim_mass"]["mean"] == pytest.approx(
        nats / (6 * 768 * math.log(2)), rel=1e-5
    )
    # The tightest bound that there is.
    mean = complete[1].metrics["surprise"]["mean"]
    np.testing.assert_allclose(mean, -np.array(steps["bound"]), rtol=1e-5)
    rates = complete[1].metrics["rates"]
    assert len(rates["mean"]) == 3 and 0 <= rates["active"] <= 3
    surprise = complete[1].metrics["surprise"]
    kinds = [clip["kind"] for clip in surprise["clips"]]
    assert kinds == ["most", "median", "least"]
    total = [sum(clip["nats"]) for clip in surprise["clips"]]
    assert total == sorted(total, reverse=True)


def test_pictures_show_best_median_and_worst(complete):
    film, strip = complete[1].pictures
    assert film.data.startswith(b"GIF89a") and strip.data.startswith(b"\x89PNG")
    scores = complete[1].metrics["scores"]["psnr"]["best"]
    assert "best: clip" in film.text and scores["count"] == NUM_CLIPS
    titles = film.text.partition(": ")[2].partition(". True frames")[0].split("; ")
    assert [title.split(":")[0] for title in titles] == ["best", "median", "worst"]
    rows = _rows(complete[0])
    means = np.zeros([NUM_CLIPS, 6])
    for row in rows:
        if (row["source"], row["metric"]) == ("sample", "psnr"):
            means[int(row["clip"]), int(row["sample"])] += float(row["value"]) / 4
    best = np.sort(means.max(1))
    told = [float(title.split(", ")[-1]) for title in titles]
    np.testing.assert_allclose(told, best[[-1, NUM_CLIPS // 2, 0]], rtol=1e-3)


def test_rows_of_a_picture_are_what_they_are_called(futures, model, source):
    clips, samples = futures
    parts = evaluated_clips.EvaluatedClips(source, PROTOCOL)
    psnr = -10 * np.log10(((samples - clips[:, 3:]) ** 2).mean((-3, -2, -1)))
    averages = psnr[:, 3].mean(-1)
    shown = shown_clips._Shown(model, parts, 3, averages, METRICS["psnr"])
    for name, number in (("best", averages.argmax()), ("worst", averages.argmin())):
        row = shown.rows[f"{name} of 6"]
        np.testing.assert_allclose(row[3:], samples[number, 3], atol=1e-6)
        np.testing.assert_allclose(row[:3], clips[3, :3], atol=1e-6)
    np.testing.assert_allclose(shown.rows["truth"], clips[3], atol=1e-6)
    error = np.sqrt(np.square(samples[:, 3].mean(0) - clips[3, 3:]).mean(-1))
    np.testing.assert_allclose(shown.error, error, atol=1e-5)


class Stopped(BaseException):
    pass


def test_goes_on_to_the_same_file(complete, model, source, tmp_path, monkeypatch):
    """Stopped within the second part; nothing that was done is done again."""
    original, numbers = clip_scores.ClipScorer.__call__, []

    def score(self, frames, actions, first_number):
        numbers.append(first_number)
        if len(numbers) == 2:
            raise Stopped
        return original(self, frames, actions, first_number)

    monkeypatch.setattr(clip_scores.ClipScorer, "__call__", score)
    with pytest.raises(Stopped):
        evaluate(model, source, PROTOCOL, tmp_path, quiet=True)
    assert not (tmp_path / "metrics.json").exists()
    evaluate(model, source, PROTOCOL, tmp_path, quiet=True)
    assert numbers == [0, 2, 2, 4]
    for name in ("metrics.json", "metrics.csv"):
        assert (tmp_path / name).read_bytes() == (complete[0] / name).read_bytes()


def test_a_complete_one_is_not_repeated(complete, model, source, monkeypatch):
    monkeypatch.setattr(clip_scores.ClipScorer, "__call__", None)
    found = evaluate(model, source, PROTOCOL, complete[0], quiet=True)
    assert found.metrics == complete[1].metrics
    assert [p.data for p in found.pictures] == [p.data for p in complete[1].pictures]


def test_another_evaluation_in_the_same_folder_is_refused(
    complete, model, source, eager_functions
):
    before = (complete[0] / "metrics.json").read_bytes()
    with pytest.raises(ValueError, match="another protocol"):
        evaluate(model, source, Protocol.get(PROTOCOL, seed=8), complete[0], quiet=True)
    other = tiny_model(frame_shape=SHAPE, seed=3)
    with pytest.raises(ValueError, match="another model"):
        evaluate(other, source, PROTOCOL, complete[0], quiet=True)
    assert (complete[0] / "metrics.json").read_bytes() == before


def test_a_new_metric_is_one_row(model, source, tmp_path, monkeypatch):
    """It appears in JSON, CSV and report."""

    def absolute_error(frames, truth, context):
        return tf.reduce_mean(tf.abs(frames - truth), [-3, -2, -1])

    row = Metric(absolute_error, min, "Mean absolute error", "levels")
    monkeypatch.setitem(METRICS, "mae", row)
    small = Protocol.get("smoke", num_clips=2)
    found = evaluate(model, source, small, tmp_path, quiet=True)
    scores = found.metrics["scores"]["mae"]
    assert scores["best"]["mean"] <= scores["mean"]["mean"]
    table = [row for row in _rows(tmp_path) if row["metric"] == "mae"]
    assert len(table) == 2 * 5 * (4 + len(scores) - 2)
    report = write_report(tmp_path / "report.html", [found.metrics]).read_text()
    assert "Mean absolute error" in report and "levels" in report


def test_distances_of_features(model, source):
    """Names follow from the network; the truth against itself is nothing."""

    def colours(frames):
        return tf.reduce_mean(frames, [1, 2])

    small = Protocol.get(PROTOCOL, num_samples=3, feature_samples=2)
    found = evaluate(
        model, source, small, extractor=Function(colours, "colours"), quiet=True
    ).metrics
    assert found["protocol"]["extractor"]["name"] == "colours"
    row = found["distances"]["frechet[colours]"]
    assert row["num_real"] == row["num_generated"] == NUM_CLIPS * 4
    assert row["repeats"] == 2 and row["error"] > 0 and row["pooled"] > 0
    assert row["self_test"] < 1e-6 < row["value"]
    clips = np.stack([clip[:LENGTH] for clip in source._clips]) / np.float32(255)
    drawn = model.predict_frames(clips[:, :3], 4, 3, seed=7).numpy()[:2].mean((3, 4))
    repeats = drawn.reshape(2, -1, 3)
    real = clips[:, 3:].mean((2, 3)).reshape(-1, 3)
    values = [frechet_distance(one, real) for one in repeats]
    # Of float32 features of slightly other rounding.
    assert row["value"] == pytest.approx(np.mean(values), rel=1e-5)
    spread = np.std(values, ddof=1) / math.sqrt(2)
    assert row["error"] == pytest.approx(spread, rel=0.05)
    pooled = frechet_distance(repeats.reshape(-1, 3), real)
    assert row["pooled"] == pytest.approx(pooled, rel=1e-5)
    assert "copy_last" in row["others"] and "kernel[colours]" in found["distances"]
    scores = found["scores"]["feature_distance[colours]"]
    assert scores["mean"]["mean"] > 0 and len(scores["copy_last"]["curve"]) == 4


def test_a_network_of_clips_is_given_the_context_too(model, source):
    seen, first = [], source._clips[0][0] / 255

    def moments(clips):
        seen.append(clips.shape[1])
        begins.append(np.allclose(clips[0, 0], first))
        return tf.reduce_mean(clips, [1, 2, 3])

    extractor = Function(moments, "moments", per="clip")
    for with_context, length in ((True, 7), (False, 4)):
        seen.clear()
        begins = []
        small = Protocol.get(PROTOCOL, num_samples=2, feature_context=with_context)
        evaluate(model, source, small, extractor=extractor, quiet=True)
        assert set(seen) == {length}
        assert any(begins) == with_context  # with the given frames, in their order


def test_one_metric_may_select_for_all(complete, model, source):
    by_ssim = Protocol.get(PROTOCOL, selection="ssim_uniform")
    found = evaluate(model, source, by_ssim, quiet=True, with_pictures=False).metrics
    own = complete[1].metrics["scores"]
    chosen = found["scores"]
    assert chosen["ssim_uniform"]["best"] == own["ssim_uniform"]["best"]
    assert chosen["psnr"]["best"]["mean"] <= own["psnr"]["best"]["mean"]
    assert chosen["psnr"]["mean"] == own["psnr"]["mean"]


def test_evaluation_tells_how_far_it_is(model, source, capsys):
    small = Protocol.get("smoke", num_clips=3, metrics=["psnr"], importance_samples=0)
    evaluate(model, source, small, with_pictures=False)
    first, last, after = capsys.readouterr().err.splitlines()
    assert first == "Scoring: 0 of 3 clips"
    assert last.startswith("Scoring: 3 of 3 clips, took ")
    assert after == "Making averages ..."
    evaluate(model, source, small, quiet=True, with_pictures=False)
    assert capsys.readouterr().err == ""


def test_more_clips_than_there_are(model, source):
    small = Protocol.get("smoke", num_clips=100, metrics=["psnr"], importance_samples=0)
    found = evaluate(model, source, small, quiet=True, with_pictures=False).metrics
    assert found["data"]["clips"] == NUM_CLIPS
    assert found["likelihood"] is None and found["rates"] is None
    assert found["protocol"]["num_context"] == 2  # the model's


@pytest.mark.parametrize("windows, start", [("first", 0), ("last", 1)])
def test_clips_and_windows_are_those_of_the_protocol(source, windows, start):
    """The first three clips, whose last part holds one only."""
    changes = {"num_clips": 3, "windows": windows, "metrics": ["psnr"]}
    protocol = Protocol.get(PROTOCOL, num_samples=6, importance_samples=0, **changes)
    protocol = Protocol.get(protocol, num_context=1, num_predicted=6, noise_samples=0)
    model = DriftingModel(SHAPE)
    found = evaluate(model, source, protocol, quiet=True, with_pictures=False).metrics
    clips = np.stack(source._clips[:3])[:, start : start + 7] / 255.0
    psnr = -10 * np.log10(np.square(clips[:, :1] - clips[:, 1:]).mean((2, 3, 4)))
    row = found["scores"]["psnr"]["copy_last"]
    assert row["count"] == found["data"]["clips"] == 3
    np.testing.assert_allclose(row["curve"], psnr.mean(0), rtol=1e-5)


@pytest.mark.parametrize("decoder", ["bernoulli", "categorical", "student_t"])
def test_every_kind_of_decoder(decoder, source, eager_functions):
    model = tiny_model(frame_shape=SHAPE, decoder=decoder)
    small = Protocol.get("smoke", num_clips=2, num_predicted=2, num_samples=2)
    found = evaluate(model, source, small, quiet=True, with_pictures=False).metrics
    assert json.dumps(found, allow_nan=False)
    has_measure = model.decoder.measure is not None
    assert ("crps" in found["scores"]) == has_measure
    assert ("bits_per_dim_mass" in found["likelihood"]) == has_measure
    assert set(found["calibration"]) == (
        {"posterior", "futures"} if has_measure else set()
    )


def test_one_future_has_no_ensemble(model, source):
    small = Protocol.get("smoke", num_samples=1, num_clips=2)
    found = evaluate(model, source, small, quiet=True, with_pictures=False).metrics
    assert "crps" not in found["scores"] and set(found["calibration"]) == {"posterior"}
    scores = found["scores"]["psnr"]
    for name in ("mean", "mean_prediction"):
        assert scores[name]["mean"] == pytest.approx(scores["best"]["mean"], rel=1e-6)


def test_a_float64_model(model, source):
    double = tiny_model(frame_shape=SHAPE, dtype="float64")
    double.set_weights(model.get_weights())
    small = Protocol.get("smoke", num_clips=2)
    ours, expected = (
        evaluate(each, source, small, quiet=True, with_pictures=False).metrics
        for each in (double, model)
    )
    for name in ("bound", "elbo", "kl"):
        value = ours["likelihood"][name]["mean"]
        assert value == pytest.approx(expected["likelihood"][name]["mean"], rel=1e-4)
    for name in ("best", "reconstruction", "posterior_rollout"):
        value = ours["scores"]["psnr"][name]["mean"]
        assert value == pytest.approx(expected["scores"]["psnr"][name]["mean"], 1e-4)


def test_more_context_than_the_model_has_is_given_to_the_rollout(model, source):
    clips = source._clips[0][None, :7] / np.float32(255)
    found = clip_scores.baseline_frames(model, clips, 6)
    expected = model.reconstruct(clips, teacher_forced=False, num_context=6)[:, 5:]
    np.testing.assert_allclose(found["posterior_rollout"], expected, atol=1e-6)
    short = model.reconstruct(clips, teacher_forced=False)[:, 5:]
    assert np.abs(expected - short).max() > 1e-3


def test_bound_and_elbo_have_noise_of_their_own(model, source, monkeypatch):
    """Or one sample of the bound would be that of the ELBO, as often as not."""
    seeds = []
    for name in ("posterior_likelihood", "frame_log_likelihood"):
        known = getattr(model, name)

        def spy(*args, known=known):
            seeds.append(args[-1])
            return known(*args)

        monkeypatch.setattr(model, name, spy)
    evaluate(
        model,
        source,
        Protocol.get(PROTOCOL, num_clips=2),
        quiet=True,
        with_pictures=False,
    )
    assert len(seeds) == 2 and seeds[0] != seeds[1]


def test_a_model_of_ones_own(source, eager_functions):
    """It has no pixel noise, no posterior rollout and no likelihood of frames."""
    found = evaluate(DriftingModel(), source, Protocol.get("smoke"), quiet=True).metrics
    assert "crps" not in found["scores"]
    assert "posterior_rollout" not in found["sources"]
    assert found["scores"]["psnr"]["best"]["mean"] > 0


def test_frames_that_stand_still_have_no_moved_pixels(model, tmp_path):
    still = np.broadcast_to(random_clips(1, 1, SHAPE)[0], [8, *SHAPE])
    np.save(tmp_path / "still.npy", still)
    found = evaluate(
        model, NpyClips([tmp_path / "still.npy"]), Protocol.get("smoke"), quiet=True
    )
    row = found.metrics["scores"]["psnr_moved"]["best"]
    assert row["mean"] is None and row["count"] == 0
    assert found.metrics["scores"]["psnr"]["copy_last"]["mean"] == 100.0


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_context": 1}, "gives 1 frames, and the model needs 2"),
        ({"num_predicted": 7}, "at most the 8 frames stored"),
        ({"extractor": "i3d"}, "give the extractor 'i3d:PATH'"),
        ({"metrics": ["lpips"]}, "Unknown metric 'lpips'"),
    ],
)
def test_what_does_not_fit_is_an_error(model, source, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        evaluate(
            model, source, Protocol.get(PROTOCOL, **changes), tmp_path / "x", quiet=True
        )
    assert not (tmp_path / "x").exists()


def test_clips_of_another_kind_are_an_error(model, source, eager_functions):
    with pytest.raises(ValueError, match=r"frame_shape=\(8, 8, 3\)"):
        evaluate(tiny_model(), source, "smoke")
    with pytest.raises(ValueError, match="with_actions=True"):
        evaluate(tiny_model(frame_shape=SHAPE, action_size=2), source, "smoke")
    with pytest.raises(ValueError, match="features of 'i3d', got 'f'"):
        extractor = Function(lambda x: x, "f")
        evaluate(
            model, source, Protocol.get(PROTOCOL, extractor="i3d"), extractor=extractor
        )


def test_a_saved_model_has_the_same_figures(
    complete, model, source, tmp_path, eager_functions
):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = evaluate(loaded, source, PROTOCOL, complete[0], quiet=True)
    assert found.metrics == complete[1].metrics


def test_real_clips_equal_scikit_image(shared_data, eager_functions):
    """PSNR and both SSIMs of copy-last, frame by frame, 2 -> 28."""
    metrics = pytest.importorskip("skimage.metrics")
    with np.load(shared_data("bair_real_2seq.npz")) as arrays:
        clips = np.stack([arrays[name] for name in arrays.files])

    class Clips(NpyClips):
        def __init__(self):
            self._clips = clips
            fields = {"frames": (clips.shape[2:], tf.uint8)}
            super(NpyClips, self).__init__([30, 30], fields, [], {})

        def fingerprint(self):
            return {"clips": "real"}

    model = DriftingModel([64, 64, 3])
    protocol = Protocol.get(
        "svg-2-28", num_samples=1, noise_samples=0, importance_samples=0
    )
    found = evaluate(model, Clips(), protocol, quiet=True, with_pictures=False).metrics
    options = {
        "ssim": {"gaussian_weights": True, "sigma": 1.5, "win_size": 11}
        | {"use_sample_covariance": False},
        "ssim_uniform": {},
    }
    for t in range(28):
        pairs = [(clip[2 + t] / 255, clip[1] / 255) for clip in clips]
        expected = [metrics.peak_signal_noise_ratio(*p, data_range=1) for p in pairs]
        curve = found["scores"]["psnr"]["copy_last"]["curve"]
        assert curve[t] == pytest.approx(np.mean(expected), abs=1e-4)
        for name, how in options.items():
            expected = [
                metrics.structural_similarity(*p, data_range=1, channel_axis=-1, **how)
                for p in pairs
            ]
            curve = found["scores"][name]["copy_last"]["curve"]
            assert curve[t] == pytest.approx(np.mean(expected), abs=1e-4), name
