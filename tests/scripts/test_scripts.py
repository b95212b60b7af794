"""The scripts from end to end, as a user calls them."""

import json
import math
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from fresh_process import ROOT, environment, run
from tiny_svg_lp import random_clips, tiny_model

from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.pictures import write_png
from tfsigmavae.video import VideoExperiment, write_shards

# The process's own switch is not for pipelines of data, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Even though.*run_functions_eagerly")

SCRIPTS = ROOT / "scripts"
COMMANDS = [
    "benchmark",
    "download",
    "evaluate",
    "export_model",
    "make_dataset",
    "make_pushing",
    "predict_video",
    "reproduce",
    "soak",
    "train_image",
    "train_video",
]

# A model of 16 x 16 pixels that trains in an instant.
SMALL = (
    "--model-options network=dcgan width=2 latent_size=2 code_size=4 hidden_size=4 "
    "--frame-size 16 --num-frames 3 --eval-frames 4 --batch-size 2 --num-samples 2 "
    "--num-eval-clips 2"
).split()


def command(name, *arguments):
    return [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, arguments)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "clips"
    write_shards(folder, "train", random_clips(4, 6, (16, 16, 3)))
    write_shards(folder, "test", random_clips(2, 6, (16, 16, 3), seed=1))
    return folder


def test_every_script_is_known_here():
    texts = {path.stem: path.read_text() for path in SCRIPTS.glob("*.py")}
    assert {name for name, text in texts.items() if "\ndef main(" in text} == set(
        COMMANDS
    )
    for name, text in texts.items():
        assert (name in COMMANDS) == ("__name__ ==" in text), name


@pytest.mark.parametrize("name", COMMANDS)
def test_a_script_is_short(name):
    """What it does lies in the library, where it is tested and can be imported."""
    assert len((SCRIPTS / f"{name}.py").read_text().splitlines()) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_instant(name, tmp_path):
    """In a process that could not import anything heavy if it tried."""
    code = (
        "import runpy, sys\n"
        "for name in ('tensorflow', 'keras', 'numpy', 'tfsigmavae'):\n"
        "    sys.modules[name] = None\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "sys.argv = [sys.argv[2], '--help']\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    path = str(SCRIPTS / f"{name}.py")
    started = os.times().children_user
    text = run([sys.executable, "-c", code, str(SCRIPTS), path], cwd=tmp_path).stdout
    assert os.times().children_user - started < 1
    assert f"python scripts/{name}.py" in text and "JSON" in text


def flags_of(*argv, module="video_flags"):
    sys.path.insert(0, str(SCRIPTS))
    try:
        parse = runpy.run_path(str(SCRIPTS / f"{module}.py"))["parse"]
    finally:
        sys.path.remove(str(SCRIPTS))
    return parse(list(argv), "")


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Runs a script in this process, eagerly: so small a model is slower to trace."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.chdir(tmp_path)
    tf.config.run_functions_eagerly(True)

    def main(name, *arguments):
        script = runpy.run_path(str(SCRIPTS / f"{name}.py"))
        assert not script["main"](list(map(str, arguments)))
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err  # nothing but JSON

    yield main
    tf.config.run_functions_eagerly(False)


def run_options(flags):
    """Takes out what is not an option of an experiment."""
    for name in ("tensorboard", "accept_changed_data", "strategy", "data_service"):
        flags.pop(name, None)


def test_flags_default_to_the_experiment():
    flags = flags_of("--data", "d", "--output", "o")
    options = VideoExperiment("d").options()
    assert flags.pop("frame_shape") == tuple(options.pop("frame_shape"))
    for name in ("output", "preset", "dry_run", "compare"):
        flags.pop(name)
    run_options(flags)
    for name in ("model_options", "decoder_options"):
        assert flags.pop(name) == {} and options.pop(name)
    assert flags == options


def test_explicit_flags_win_over_the_preset():
    given = ("--model-options", "latent_size=5", "predictor_residual=False")
    demo = flags_of("--preset", "demo_svg_lp", "--steps", "7", *given)
    options = demo["model_options"]
    assert options["latent_size"] == 5 and options["predictor_residual"] is False
    assert options["network"] == "dcgan" and options["posterior_residual"] is True
    told = demo["steps"], demo["output"], demo["eval_frames"]
    assert told == (7, "runs/demo_svg_lp", 10)
    demo = flags_of("--preset", "demo", "--kl-ramp", "0.2", "--curriculum", "")
    assert (demo["model"], demo["kl_ramp"]) == ("warp_vrnn", 0.2)
    assert (list(demo["curriculum"]), demo["output"]) == ([], "runs/demo")
    # A preset's stages are for its own clips; those that are asked for stay.
    short = flags_of("--preset", "demo", "--num-frames", "3")
    assert short["curriculum"] == []
    asked = flags_of("--preset", "demo", "--num-frames", "3", "--curriculum", "0.5:6")
    assert asked["curriculum"] == [[0.5, 6]]
    grey = flags_of("--preset", "kth", "--data", "d", "--output", "o")
    assert (grey["frame_shape"], grey["num_context"]) == ((64, 64, 1), 10)
    assert grey["model_options"] == {"latent_size": 24}
    digits = flags_of("--preset", "smmnist", "--dry-run")
    assert digits["model_options"]["network"] == "dcgan"
    assert digits["num_context"] == 5


@pytest.mark.parametrize("script", ["train_video", "train_image"])
def test_help_lists_what_the_models_take(script, call, capsys):
    """Read from the source, the same as what Python finds in the classes."""
    kind = {"train_video": VideoExperiment, "train_image": ImageExperiment}[script]
    with pytest.raises(SystemExit):
        call(script, "--help")
    text = " ".join(capsys.readouterr().out.split())
    for name in kind.models:
        options = kind("d", model=name)._model_defaults()
        shown = ", ".join(f"{option}={value!r}" for option, value in options.items())
        section = text.partition(f"--model-options of {name}, with their defaults: ")[2]
        words = section.partition(" --model-options")[0].split(", ")
        assert sorted(words) == sorted(shown.split(", "))


def test_options_given_in_parts_add_up(capsys):
    given = ("--model-options", "width=16", "--model-options", "latent_size=8")
    flags = flags_of("--data", "d", "--output", "o", *given)
    assert flags["model_options"] == {"width": 16, "latent_size": 8}
    with pytest.raises(SystemExit):
        flags_of(*given, "--model-options", "width=3", "--dry-run")
    assert "an option twice" in capsys.readouterr().err


def test_help_reads_classes_of_every_form(tmp_path, monkeypatch):
    """As Python finds them: inherited, keyword-only, without a constructor."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        source = runpy.run_path(str(SCRIPTS / "source.py"))
    finally:
        sys.path.remove(str(SCRIPTS))
    package = tmp_path / "tfsigmavae" / "models"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from tfsigmavae.models.own import Bare, Open, Closed\n"
        "MODELS: dict = {'bare': Bare, 'open': Open, 'closed': Closed}\n"
    )
    (package / "own.py").write_text(
        "import keras\n"
        "class VariationalModel(keras.Model):\n"
        "    def __init__(self, beta=1.0, seed=None, **kwargs): pass\n"
        "class Bare(VariationalModel): pass\n"
        "class Open(Bare):\n"
        "    def __init__(self, *args, extra=0.5, name='x', **kwargs): pass\n"
        "class Closed(Bare):\n"
        "    def __init__(self, needed, size=3): pass\n"
    )
    monkeypatch.setitem(source["_path"].__globals__, "_ROOT", tmp_path)
    assert source["model_options"]("tfsigmavae.models", {"seed"}) == {
        "bare": {"beta": "1.0"},
        "open": {"beta": "1.0", "extra": "0.5"},
        "closed": {"size": "3"},
    }


@pytest.mark.parametrize("name", ["predict_video", "export_model"])
def test_a_model_that_is_not_there_is_named(name, call, tmp_path):
    flags = ["--data", "d"] if name == "predict_video" else ["--output", "o"]
    for path in ("nowhere", "."):
        with pytest.raises(FileNotFoundError, match="There is no model '.*run folder"):
            call(name, "--model", path, *flags)


def test_flags_of_model_options_are_named(capsys):
    with pytest.raises(SystemExit):
        flags_of("--preset", "demo", "--latent-size", "5")
    assert "--model-options NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["image_flags", "video_flags"])
def test_missing_folders_are_asked_for(module, capsys):
    with pytest.raises(SystemExit):
        flags_of("--beta", "2", module=module)
    assert "--data and --output" in capsys.readouterr().err


def image_flags_of(*argv):
    return flags_of(*argv, module="image_flags")


def test_image_flags_default_to_the_experiment():
    flags = image_flags_of("--data", "fashion_mnist", "--output", "o")
    options = ImageExperiment().options()
    for name in ("output", "preset", "dry_run"):
        flags.pop(name)
    run_options(flags)
    for name in ("model_options", "decoder_options"):
        assert flags.pop(name) == {} and options.pop(name)
    assert flags == options


def test_image_presets_are_ten_epochs_of_their_data():
    for preset, num_train in (
        ("svhn", 73_257),
        ("cifar10", 50_000),
        ("fashion_mnist", 60_000),
    ):
        flags = image_flags_of("--preset", preset)
        assert flags["steps"] == 10 * math.ceil(num_train / flags["batch_size"])
        assert (flags["data"], flags["output"]) == (preset, f"runs/{preset}")
    assert image_flags_of("--preset", "svhn")["image_size"] == 28
    demo = image_flags_of("--preset", "demo", "--steps", "7", "--output", "o")
    assert (demo["steps"], demo["output"]) == (7, "o")
    assert demo["model_options"] == {"widths": [16, 32, 64]}


@pytest.mark.parametrize("preset", ["svhn", "cifar10", "fashion_mnist", "demo"])
@pytest.mark.parametrize("model", ["conv", "hierarchical"])
def test_every_image_preset_is_one_for_every_model(preset, model):
    flags = image_flags_of("--preset", preset, "--model", model, "--output", "o")
    for name in ("output", "preset", "dry_run"):
        flags.pop(name)
    run_options(flags)
    ImageExperiment(**flags | {"data": "noise"})  # refuses wrong options


def test_options_of_model_and_decoder_are_named_values(capsys):
    flags = image_flags_of(
        *("--preset", "demo", "--model-options", "latent_size=3", "widths=[2, 4]"),
        *("--decoder-options", "scope=channel", "momentum=0.5"),
    )
    assert flags["model_options"] == {"latent_size": 3, "widths": [2, 4]}
    assert flags["decoder_options"] == {"scope": "channel", "momentum": 0.5}
    with pytest.raises(SystemExit):
        image_flags_of("--preset", "demo", "--decoder-options", "0.5")
    assert "'0.5' is not NAME=VALUE" in capsys.readouterr().err


@pytest.mark.slow
def test_training_has_one_writer_and_stops_when_asked_and_its_model_predicts(
    data, tmp_path, call
):
    output = tmp_path / "run"
    flags = ["--data", data, "--output", output, "--steps", 1_000_000, *SMALL]
    process = subprocess.Popen(
        command("train_video", *flags),
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
            command("train_video", *flags),
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
        "predict_video", "--model", output / "model.keras", "--data", data, *flags
    )
    assert pathlib.Path(files["animation"]) == output / "predictions" / "prediction.gif"
    assert all(pathlib.Path(path).stat().st_size > 0 for path in files.values())
    elsewhere, _ = call(
        "predict_video",
        *("--model", output / "model.keras", "--data", data, "--split", "train"),
        *("--output", tmp_path / "there", "--format", "apng", *flags),
    )
    animation = pathlib.Path(elsewhere["animation"])
    assert animation == tmp_path / "there" / "prediction.apng" and animation.is_file()


def _has_rows(path):
    return path.is_file() and len(path.read_text().splitlines()) > 1


def test_training_prints_the_summary_that_it_keeps(data, tmp_path, call):
    flags = ["--data", data, "--output", "run", "--steps", 1, *SMALL]
    summary, _ = call("train_video", *flags)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    # The same command again answers at once.
    assert call("train_video", *flags)[0] == summary
    assert not (tmp_path / "run" / "compare").exists()


def test_image_training_prints_the_summary_that_it_keeps(tmp_path, call):
    pixels = np.random.default_rng(0).integers(0, 256, [12, 8, 8, 1], dtype=np.uint8)
    for number, image in enumerate(pixels):
        split = "test" if number % 3 == 0 else "train"
        write_png(tmp_path / "pictures" / split / f"{number}.png", image)
    flags = "--data pictures --output run --steps 1 --batch-size 2".split()
    flags += ["--model-options", "latent_size=2", "widths=[2,2]"]
    summary, _ = call("train_image", *flags)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (tmp_path / summary["samples"]).is_file()
    # The same command again answers at once.
    again, errors = call("train_image", *flags)
    assert again == summary and "is complete" in errors
    exported, _ = call("export_model", "--model", "run/model.keras", "--output", "v/1")
    assert exported["endpoints"]["sample"] == ["num", "seed"]


def test_export_script(tmp_path, call):
    tiny_model(action_size=3).save(tmp_path / "model.keras")
    tf.config.run_functions_eagerly(False)
    flags = ["--model", "model.keras", "--output", "served/1", "--max-frames", 20]
    result, _ = call("export_model", *flags)
    assert result["limits"]["max_frames"] == 20
    assert (tmp_path / result["path"] / "saved_model.pb").is_file()
    assert result["endpoints"]["reconstruct"] == ["clips", "actions"]
    inputs = ["context", "num_frames", "num_samples", "seed", "actions"]
    assert result["endpoints"]["predict_video"] == inputs


def test_actions_of_ones_own_steer_a_prediction(data, tmp_path, call):
    tiny_model(frame_shape=(16, 16, 3), action_size=4).save(tmp_path / "model.keras")
    np.save(tmp_path / "own.npy", np.zeros([2, 1, 4]))
    flags = ["--model", "model.keras", "--data", data, "--num-frames", 2]
    plans = ["--actions", "Left,up", "--actions", "own.npy"]
    files, _ = call("predict_video", *flags, *plans)
    assert files == {
        "animation": "predictions/steered.gif",
        "film_strip": "predictions/steered.png",
    }
    assert all((tmp_path / path).stat().st_size > 0 for path in files.values())
    for wrong, message in (("west", "Choose from stay, left"), ("a.csv", "no file")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            call("predict_video", *flags, "--actions", wrong, "--output", "none")
    assert not (tmp_path / "none").exists()


def test_dry_run_of_a_preset_prints_a_summary_and_keeps_nothing(tmp_path, call):
    flags = [*SMALL, "--preset", "smmnist", "--num-context", "2", "--dry-run"]
    summary, errors = call("train_video", *flags)
    assert summary["steps"] == 2 and "psnr" in summary
    options = json.loads(errors.partition("Options: ")[2].splitlines()[0])
    assert options["frame_shape"] == [16, 16, 1]
    assert options["model_options"]["latent_size"] == 2
    assert list(tmp_path.iterdir()) == []


def test_dry_run_of_image_training_keeps_nothing(tmp_path, call):
    flags = ["--image-size", "8", "--channels", "3", "--decoder", "shared_sigma"]
    flags += ["--preset", "demo", "--model-options", "widths=[2,2]", "--dry-run"]
    summary, errors = call("train_image", *flags)
    assert summary["steps"] == 2 and summary["num_dims"] == 8 * 8 * 3
    options = json.loads(errors.partition("Options: ")[2].splitlines()[0])
    assert (options["data"], options["decoder"]) == ("fashion_mnist", "shared_sigma")
    assert list(tmp_path.iterdir()) == []


def test_make_pushing_writes_a_data_set(tmp_path, call):
    sizes = ["--num-train", 2, "--num-test", 1, "--num-frames", 4]
    summary, _ = call("make_pushing", "--output", tmp_path / "pushing", *sizes)
    assert summary["path"] == str(tmp_path / "pushing") and summary["num_train"] == 2
    for split in ("train", "test"):
        assert list((tmp_path / "pushing" / split).glob("*.tfrecords"))


def test_the_package_runs_the_command_of_the_script(monkeypatch, capsys):
    """Same flags, same defaults; the help names the module."""
    module = "tfsigmavae.experiments.reproduction"
    monkeypatch.syspath_prepend(str(SCRIPTS))
    texts = []
    for run_it in (
        lambda: runpy.run_module(module, run_name="__main__"),
        lambda: runpy.run_path(str(SCRIPTS / "reproduce.py"), run_name="__main__"),
    ):
        monkeypatch.setattr(sys, "argv", ["reproduce.py", "--help"])
        with pytest.raises(SystemExit, match="0"):
            run_it()
        texts.append(capsys.readouterr().out)
    assert texts[0].startswith(f"usage: python -m {module} [-h]")
    explained = [text.partition("Runs the sigma-VAE")[2] for text in texts]
    assert explained[0] == explained[1] != ""
