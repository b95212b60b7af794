"""The commands from end to end, as a user calls them."""

import importlib
import json
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import environment
from tfsigmavae_commands.__main__ import COMMANDS
from tiny_svg_lp import random_clips, tiny_model

from tfsigmavae.pictures import write_png
from tfsigmavae.video import write_shards

# The process's own switch is not for pipelines of data, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")

# A model of 16 x 16 pixels that trains in an instant.
SMALL = (
    "--model-options network=dcgan width=2 latent_size=2 code_size=4 hidden_size=4 "
    "--frame-size 16 --num-frames 3 --eval-frames 4 --batch-size 2 --num-samples 2 "
    "--num-eval-clips 2"
).split()


def command(name, *arguments):
    words = [sys.executable, "-m", "tfsigmavae_commands", *name.split()]
    return [*words, *map(str, arguments)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clips"
    write_shards(folder, "train", random_clips(4, 6, (16, 16, 3)))
    write_shards(folder, "test", random_clips(2, 6, (16, 16, 3), seed=1))
    return folder


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs a command in this process, eagerly: so small a model is slower to trace."""
    monkeypatch.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)

    def main(name, *arguments):
        module = importlib.import_module(f"tfsigmavae_commands.{COMMANDS[name][0]}")
        assert not module.main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err  # nothing but JSON

    yield main
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
def test_training_has_one_writer_and_stops_when_asked_and_its_model_predicts(
    data, tmp_path, call
):
    output = tmp_path / "run"
    flags = ["--data", data, "--output", output, "--steps", 1_000_000, *SMALL]
    process = subprocess.Popen(
        command("train video", *flags),
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 300
        while not _has_rows(output / "history.csv"):
            assert process.poll() is None, process.communicate()[1][-3000:]
            assert time.monotonic() < deadline, "no epoch came to an end"
            time.sleep(0.1)
        second = subprocess.run(
            command("train video", *flags),
            env=environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert second.returncode == 1 and "Traceback" not in second.stderr
    assert f"is being written by process {process.pid} on" in second.stderr
    assert process.returncode == 0, errors[-3000:]
    assert "the same command resumes" in errors and "Traceback" not in errors
    model = keras.models.load_model(output / "model.keras")
    steps = json.loads((output / "run.json").read_text())["steps"]
    assert model.optimizer.iterations == steps > 0

    flags = ["--num-frames", 4, "--num-samples", 2, "--num-clips", 2]
    files, _ = call(
        "predict", "--model", output / "model.keras", "--data", data, *flags
    )
    assert pathlib.Path(files["animation"]) == output / "predictions" / "prediction.gif"
    assert all(pathlib.Path(path).stat().st_size > 0 for path in files.values())
    elsewhere, _ = call(
        "predict",
        *("--model", output / "model.keras", "--data", data, "--split", "train"),
        *("--output", tmp_path / "there", "--format", "apng", *flags),
    )
    animation = pathlib.Path(elsewhere["animation"])
    assert animation == tmp_path / "there" / "prediction.apng" and animation.is_file()


def _has_rows(path):
    return path.is_file() and len(path.read_text().splitlines()) > 1


def test_training_prints_the_summary_that_it_keeps(data, tmp_path, call):
    flags = ["--data", data, "--output", "run", "--steps", 1, *SMALL]
    summary, _ = call("train video", *flags)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    # The same command again answers at once.
    assert call("train video", *flags)[0] == summary
    assert not (tmp_path / "run" / "compare").exists()


def test_image_training_prints_the_summary_that_it_keeps(tmp_path, call):
    pixels = np.random.default_rng(0).integers(0, 256, [12, 8, 8, 1], dtype=np.uint8)
    for number, image in enumerate(pixels):
        split = "test" if number % 3 == 0 else "train"
        write_png(tmp_path / "pictures" / split / f"{number}.png", image)
    flags = "--data pictures --output run --steps 1 --batch-size 2".split()
    flags += ["--model-options", "latent_size=2", "widths=[2,2]"]
    summary, _ = call("train images", *flags)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (tmp_path / summary["samples"]).is_file()
    # The same command again answers at once.
    again, errors = call("train images", *flags)
    assert again == summary and "is complete" in errors
    exported, _ = call("export", "--model", "run/model.keras", "--output", "v/1")
    assert exported["endpoints"]["sample"] == ["num", "seed"]


def test_export_script(tmp_path, call):
    tiny_model(action_size=3).save(tmp_path / "model.keras")
    tf.config.run_functions_eagerly(False)
    flags = ["--model", "model.keras", "--output", "served/1", "--max-frames", 20]
    result, _ = call("export", *flags)
    assert result["limits"]["max_frames"] == 20
    assert (tmp_path / result["path"] / "saved_model.pb").is_file()
    assert result["endpoints"]["reconstruct"] == ["clips", "actions"]
    inputs = ["context", "num_frames", "num_samples", "seed", "actions"]
    assert result["endpoints"]["predict_video"] == inputs


OWN_MODEL = """
import keras
import tfsigmavae as sv

@keras.saving.register_keras_serializable(package="mine")
class {name}(sv.ConvVAE):
    pass
"""


@pytest.mark.parametrize("named", ["models_of_{}.py", "models_of_{}"])
def test_a_model_of_ones_own_is_exported(named, tmp_path, call, monkeypatch):
    name = "Filed" if named.endswith(".py") else "Named"
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / f"models_of_{name}.py").write_text(OWN_MODEL.format(name=name))
    made = {}
    exec(OWN_MODEL.format(name=name), made)
    made[name](image_shape=[8, 8, 1], widths=[2, 2]).save(tmp_path / "own.keras")
    registered = keras.saving.get_custom_objects()
    monkeypatch.delitem(registered, f"mine>{name}")  # as in another process
    tf.config.run_functions_eagerly(False)
    flags = ["--model", "own.keras", "--output", "served/1"]
    (tmp_path / f"first_{name}.py").write_text("")
    imported = ["--import", f"first_{name}.py", "--import", named.format(name)]
    result, _ = call("export", *flags, *imported)
    assert "decode" in result["endpoints"] and f"mine>{name}" in registered


def test_actions_of_ones_own_steer_a_prediction(data, tmp_path, call):
    tiny_model(frame_shape=(16, 16, 3), action_size=4).save(tmp_path / "model.keras")
    np.save(tmp_path / "own.npy", np.zeros([2, 1, 4]))
    flags = ["--model", "model.keras", "--data", data, "--num-frames", 2]
    plans = ["--actions", "Left,up", "--actions", "own.npy"]
    files, _ = call("predict", *flags, *plans)
    assert files == {
        "animation": "predictions/steered.gif",
        "film_strip": "predictions/steered.png",
    }
    assert all((tmp_path / path).stat().st_size > 0 for path in files.values())
    for wrong, message in (("west", "Choose from stay, left"), ("a.csv", "no file")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            call("predict", *flags, "--actions", wrong, "--output", "none")
    assert not (tmp_path / "none").exists()


def test_dry_run_of_a_preset_prints_a_summary_and_keeps_nothing(tmp_path, call):
    flags = [*SMALL, "--preset", "smmnist", "--num-context", "2", "--dry-run"]
    summary, errors = call("train video", *flags)
    assert summary["steps"] == 2 and "psnr" in summary
    options = " ".join(errors.partition("Options (--help explains them):")[2].split())
    assert "frame_shape [16, 16, 1]" in options and "latent_size=2, " in options
    assert list(tmp_path.iterdir()) == []


def test_dry_run_of_image_training_keeps_nothing(tmp_path, call):
    flags = ["--image-size", "8", "--channels", "3", "--decoder", "shared_sigma"]
    flags += ["--preset", "demo", "--model-options", "widths=[2,2]", "--dry-run"]
    summary, errors = call("train images", *flags)
    assert summary["steps"] == 2 and summary["num_dims"] == 8 * 8 * 3
    options = " ".join(errors.partition("Options (--help explains them):")[2].split())
    assert "data fashion_mnist, " in options and "decoder shared_sigma, " in options
    assert list(tmp_path.iterdir()) == []


def test_make_pushing_writes_a_data_set(tmp_path, call):
    sizes = ["--num-train", 2, "--num-test", 1, "--num-frames", 4]
    summary, _ = call("data pushing", "--output", tmp_path / "pushing", *sizes)
    assert summary["path"] == str(tmp_path / "pushing") and summary["num_train"] == 2
    for split in ("train", "test"):
        assert list((tmp_path / "pushing" / split).glob("*.tfrecords"))
