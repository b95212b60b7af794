"""Flags of the commands: defaults, presets, options of models."""

import importlib
import math
import sys

import pytest
from tfsigmavae_commands import source

from tfsigmavae.experiments import ImageExperiment
from tfsigmavae.video import VideoExperiment


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory with a folder `d` that holds no videos."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()


def flags_of(*argv, module="video_flags"):
    return importlib.import_module(f"tfsigmavae_commands.{module}").parse(argv, "")


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
    for name in ("model_options", "decoder_options", "data_options"):
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


@pytest.mark.parametrize(
    "module, kind",
    [("video_flags", VideoExperiment), ("image_flags", ImageExperiment)],
)
def test_help_lists_what_the_models_take(module, kind, capsys):
    """Read from the source, the same as what Python finds in the classes."""
    with pytest.raises(SystemExit):
        flags_of("--help", module=module)
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
    package = tmp_path / "tfsigmavae" / "models"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
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
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tfsigmavae")
    assert source.model_options("tfsigmavae.models", {"seed"}) == {
        "bare": {"beta": "1.0"},
        "open": {"beta": "1.0", "extra": "0.5"},
        "closed": {"size": "3"},
    }


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
