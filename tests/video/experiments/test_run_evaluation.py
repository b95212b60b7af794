"""`scripts/evaluate.py`, as people call it with the folders they have.

| what they do                                       | what they get                  |
|----------------------------------------------------|--------------------------------|
| name a run folder, or its model.keras              | three files beside it          |
| name other data, another split, a network          | those                          |
| change the protocol by flags                       | a protocol that says so        |
| name no protocol                                   | a preset where it fits, or the |
|                                                    | run's own                      |
| name several runs                                  | one report, each run's figures |
| evaluate a run of images                           | the same                       |
| name a run without a config, a model of no kind    | an error that shows the way    |
| have a file that was cut, or one in the way        | an error that names it         |
| name runs that do not fit one protocol             | that, before one is evaluated  |
| call a run as nobody should                        | a page that shows it as text   |
| name a protocol of the other kind, a wrong field   | the names there are            |
"""

import csv
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tiny_svg_lp import random_clips, randomise_weights, tiny_model
from tiny_vae import TinyVAE

from tfsigmavae import ConvVAE
from tfsigmavae.pictures import write_png
from tfsigmavae_video import evaluate_runs, write_shards
from tfsigmavae_video.experiments import run_evaluation
from tfsigmavae_video.models import saved_run

SHAPE = (16, 16, 3)
QUICK = {"importance_samples": 0, "noise_samples": 2, "num_predicted": 2}

pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")


@pytest.fixture(autouse=True, scope="module")
def eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of videos on one data set, as training leaves them."""
    folder = tmp_path_factory.mktemp("runs")
    for split, seed in (("train", 0), ("test", 1)):
        clips = random_clips(3, 8, SHAPE, seed)
        write_shards(folder / "data", split, clips)
    for number, name in enumerate(("first", "second")):
        model = tiny_model(frame_shape=SHAPE, seed=number)
        randomise_weights(model, number)
        (folder / name).mkdir()
        model.save(folder / name / "model.keras")
        config = {
            "data": str(folder / "data"),
            "data_options": {"camera": "image_aux1"},
        }
        (folder / name / "config.json").write_text(
            json.dumps(config | {"seed": number})
        )
        rows = "epoch,step,loss,nll,kl,sigma\n0,100,5,4,1,0.3\n1,200,4,3,1,0.2\n"
        (folder / name / "history.csv").write_text(rows)
    return folder


def read(path):
    return json.loads(pathlib.Path(path).read_text())


def test_a_run_folder_is_enough(runs):
    told = evaluate_runs([runs / "first"], protocol="smoke", protocol_options=QUICK)
    folder = runs / "first" / "evaluation" / "smoke"
    assert told["report"] == str(folder / "report.html")
    metrics = read(told["metrics"])
    assert metrics["title"] == "first" and metrics["data"]["split"] == "test"
    assert metrics["data"]["path"] == str(runs / "data")
    assert metrics["protocol"]["modified"] == QUICK
    assert told["scores"]["psnr"]["best"] == metrics["scores"]["psnr"]["best"]["mean"]
    with open(told["csv"], newline="") as lines:
        assert {row["clip"] for row in csv.DictReader(lines)} == set("012")
    page = (folder / "report.html").read_text()
    for words in ("first", "smoke", "importance_samples", "copy last frame", "camera"):
        assert words in page, words


def test_flags_and_other_data(runs, tmp_path):
    write_shards(tmp_path / "other", "train", random_clips(2, 7, SHAPE, 5))
    told = evaluate_runs(
        [runs / "first" / "model.keras"],
        data=tmp_path / "other",
        split="train",
        protocol="smoke",
        output=tmp_path / "out",
        num_samples=2,
        num_clips=1,
        seed=4,
        protocol_options=QUICK,
    )
    metrics = read(told["metrics"])
    assert metrics["data"]["clips"] == 1 and metrics["data"]["of"] == 2
    changed = {"num_samples": 2, "num_clips": 1, "seed": 4}
    assert metrics["protocol"]["modified"] == changed | QUICK
    assert told["report"] == str(tmp_path / "out" / "report.html")


def test_runs_side_by_side(runs, tmp_path):
    told = evaluate_runs(
        [runs / "first", runs / "second"],
        protocol="smoke",
        output=tmp_path / "both",
        protocol_options=QUICK,
    )
    metrics = [read(path) for path in told["metrics"]]
    assert [one["title"] for one in metrics] == ["first", "second"]
    assert metrics[0]["model"]["sha256"] != metrics[1]["model"]["sha256"]
    assert metrics[0]["data"]["fingerprint"] == metrics[1]["data"]["fingerprint"]
    page = (tmp_path / "both" / "report.html").read_text()
    for one in metrics:  # rounded by their errors
        assert f"{one['scores']['psnr']['best']['mean']:.1f}" in page
        assert f"Options of {one['title']}" in page
    with pytest.raises(ValueError, match="Two runs are called 'runs.*-first'"):
        evaluate_runs(
            [runs / "first"] * 2,
            protocol="smoke",
            output=tmp_path / "x",
            protocol_options=QUICK,
        )


def values_of(path, source, metric):
    """What each clip has in `metrics.csv`: a list, frame by frame."""
    of_clips = {}
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines):
            if (row["source"], row["metric"]) == (source, metric):
                of_clips.setdefault(row["clip"], []).append(float(row["value"]))
    return np.array(list(of_clips.values()))


def test_runs_differ_clip_by_clip(runs, tmp_path):
    told = evaluate_runs(
        [runs / "first", runs / "second"],
        protocol="smoke",
        output=tmp_path / "both",
        protocol_options=QUICK | {"importance_samples": 2},
    )
    assert told["differences"].keys() == {"second"}
    found = told["differences"]["second"]
    for ours, (source, name), average in (
        (
            found["scores"]["psnr"]["reconstruction"],
            ("reconstruction", "psnr"),
            np.mean,
        ),
        (found["likelihood"]["kl"], ("model", "kl"), np.sum),
    ):
        values = [average(values_of(path, source, name), 1) for path in told["csv"]]
        each = values[1] - values[0]
        assert ours["count"] == len(each) == 3
        # metrics.csv has six digits of values, of which differences have fewer.
        np.testing.assert_allclose(ours["mean"], each.mean(), rtol=2e-3)
        error = each.std(ddof=1) / np.sqrt(len(each))
        np.testing.assert_allclose(ours["error"], error, rtol=2e-3)
    # Baselines are the same in both.
    copied = found["scores"]["psnr"]["copy_last"]
    assert copied == {"mean": 0.0, "error": 0.0, "count": 3}
    page = (tmp_path / "both" / "report.html").read_text()
    assert "Against first, second is " in page and "less first" in page


def test_runs_of_one_name_have_that_of_the_folder_above(runs, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(runs / "first", tmp_path / name / "run")
    told = evaluate_runs(
        [tmp_path / "a" / "run", tmp_path / "b" / "run"],
        protocol="smoke",
        output=tmp_path / "both",
        protocol_options=QUICK,
    )
    assert told["differences"].keys() == {"b-run"}
    scores = told["differences"]["b-run"]["scores"]
    assert scores["psnr"]["mean"]["mean"] == 0.0
    assert not list((tmp_path / "both").glob("*/report.html"))


def test_data_that_are_elsewhere_now_are_told(runs, tmp_path):
    shutil.copytree(runs / "first", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"data": "gone"}))
    with pytest.raises(FileNotFoundError, match="'gone'.*'run' was trained on it"):
        evaluate_runs([tmp_path / "run"], protocol="smoke", protocol_options=QUICK)


def test_runs_that_were_not_evaluated_alike_have_no_differences(runs, tmp_path):
    model = tiny_model(frame_shape=SHAPE, seed=3, num_context=3)
    randomise_weights(model, 3)
    longer = tmp_path / "longer"
    longer.mkdir()
    model.save(longer / "model.keras")
    (longer / "config.json").write_text((runs / "first" / "config.json").read_text())
    told = evaluate_runs(
        [runs / "first", longer],
        protocol="smoke",
        output=tmp_path / "both",
        protocol_options=QUICK,
    )
    assert "differences" not in told
    page = (tmp_path / "both" / "report.html").read_text()
    assert "were not evaluated alike" in page and "Against first" not in page


@pytest.fixture(scope="module")
def image_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for number in range(8):
            picture = rng.integers(0, 256, [20, 16, 1], np.uint8)
            write_png(folder / "data" / split / f"{number}.png", picture)
    model = ConvVAE([16, 16, 1], latent_size=3, widths=[2, 3, 4], seed=0)
    (folder / "run").mkdir()
    model.save(folder / "run" / "model.keras")
    config = {"data": str(folder / "data"), "image_size": 16, "crop": "square"}
    (folder / "run" / "config.json").write_text(json.dumps(config))
    return folder


def test_a_run_of_images(image_run):
    told = evaluate_runs([image_run / "run"], protocol="smoke", num_clips=6)
    metrics = read(told["metrics"])
    assert metrics["kind"] == "image" and metrics["data"]["clips"] == 6
    assert metrics["likelihood"]["elbo"]["count"] == 6
    assert pathlib.Path(told["report"]).stat().st_size > 10_000


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"protocol": "images"}, ValueError, "Unknown `protocol` 'images'.*svg-2-28"),
        ({"protocol_options": {"samples": 3}}, TypeError, "samples"),
        ({"data": "nowhere"}, FileNotFoundError, "nowhere"),
        ({"extractor": "nothing.tflite"}, FileNotFoundError, "nothing.tflite"),
        ({"split": "validation"}, ValueError, "split"),
        ({"data_options": {"camera": "nobody's"}}, ValueError, "nobody's"),
    ],
)
def test_what_does_not_fit_is_an_error(runs, tmp_path, options, error, message):
    options = {"protocol": "smoke", "output": tmp_path / "out"} | options
    with pytest.raises(error, match=message):
        evaluate_runs([runs / "first"], **options)
    assert not (tmp_path / "out").exists()


def test_runs_that_cannot_be_evaluated(runs, image_run, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model"):
        evaluate_runs([runs])
    lonely = tmp_path / "lonely" / "model.keras"
    lonely.parent.mkdir()
    lonely.write_bytes((runs / "first" / "model.keras").read_bytes())
    with pytest.raises(ValueError, match="Nobody knows the data.*give `data`"):
        evaluate_runs([lonely], protocol="smoke")
    vector = tmp_path / "vector.keras"
    TinyVAE().save(vector)
    with pytest.raises(ValueError, match="only an ImageVAE or a VideoModel"):
        evaluate_runs([vector])
    with pytest.raises(ValueError, match="videos or all of images"):
        evaluate_runs([runs / "first", image_run / "run"], protocol="smoke")


def copied(runs, folder, **files):
    """The first run under another name, with other files: text, or `None` for none."""
    shutil.copytree(runs / "first", folder, ignore=shutil.ignore_patterns("eval*"))
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text) if text is not None else path.unlink()
    return folder


@pytest.mark.parametrize(
    "files, message",
    [
        ({"config_json": '{"data"'}, "config.json' is damaged, it holds no JSON"),
        ({"config_json": "[]"}, "config.json' is damaged, it holds no dict"),
        ({"model_keras": "cut"}, "model.keras' is damaged"),
        ({"history_csv": "a,b\nx,y\n"}, "history.csv' is no table of figures"),
    ],
)
def test_files_that_are_damaged_are_named(runs, tmp_path, files, message):
    run = copied(runs, tmp_path / "run", **files)
    with pytest.raises(ValueError, match=message):
        evaluate_runs([run], protocol="smoke")
    assert not (run / "evaluation").exists()


def test_a_file_in_the_way_is_named(runs, image_run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for run in (runs / "first", image_run / "run"):
        for output in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(OSError, match="Nothing can be written to"):
                evaluate_runs([run], protocol="smoke", output=output)
    assert (tmp_path / "file").read_text() == "mine"


def test_runs_that_fit_no_protocol_together_are_found_at_once(runs, tmp_path):
    longer = tmp_path / "longer"
    longer.mkdir()
    tiny_model(frame_shape=SHAPE, num_context=3).save(longer / "model.keras")
    with pytest.raises(ValueError, match="gives 2 frames, and the model needs 3"):
        evaluate_runs(
            [runs / "first", longer],
            protocol="smoke",
            output=tmp_path / "out",
            protocol_options={"num_context": 2},
        )
    assert not (tmp_path / "out").exists()


def test_names_are_text_and_a_torn_history_is_read(runs, tmp_path):
    name = "a <script>alert(1)<& 'ü\""
    rows = "epoch,step,loss,kl\n0,100,5,1\n1,200,nan,inf\n2,300,4"
    run = copied(runs, tmp_path / name, history_csv=rows)
    options = QUICK | {"metrics": ["psnr"], "num_predicted": 1}
    told = evaluate_runs(
        [run], protocol="smoke", num_samples=2, num_clips=1, protocol_options=options
    )
    assert read(told["metrics"])["title"] == name
    page = pathlib.Path(told["report"]).read_text()
    assert "alert(1)" in page and "<script>alert" not in page


OWN = {"num_context": 2, "eval_frames": 3, "num_samples": 2, "num_eval_clips": 2}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OWN, "run"),  # too short for SVG's
        (OWN | {"eval_frames": 28}, "svg-2-28"),
        (OWN | {"eval_frames": 28, "num_context": 5}, "run"),
        ({}, "svg-2-28"),
    ],
)
def test_a_run_is_evaluated_by_a_preset_that_fits_it(
    runs, monkeypatch, options, expected
):
    config = saved_run.config(runs / "first" / "model.keras")
    monkeypatch.setattr(saved_run, "config", lambda file: config | options)
    chosen = []
    monkeypatch.setattr(
        run_evaluation._Run,
        "open",
        lambda self, *args: chosen.append(self.protocol) or 1 / 0,
    )
    with pytest.raises(ZeroDivisionError):
        evaluate_runs([runs / "first"])
    assert chosen[0].name == expected
    if expected == "run":
        found = chosen[0].num_context, chosen[0].num_predicted, chosen[0].num_samples
        assert found == (options["num_context"], options["eval_frames"], 2)
    if not options:
        with pytest.raises(ValueError, match="Nobody knows how"):
            evaluate_runs([runs / "first"], protocol="run")


def test_by_its_own_protocol_a_run_is_scored_and_told_with_its_likelihood(
    runs, monkeypatch
):
    config = saved_run.config(runs / "first" / "model.keras")
    monkeypatch.setattr(saved_run, "config", lambda file: config | OWN)
    told = evaluate_runs([runs / "first"], protocol="run", num_clips=1)
    assert told["report"] == str(runs / "first" / "evaluation" / "run" / "report.html")
    metrics = read(told["metrics"])
    for name in ("bound", "kl"):
        assert told["likelihood"][name] == metrics["likelihood"][name]["mean"]
