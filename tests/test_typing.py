"""Users' editors know the arguments of the library, and tell of wrong ones."""

import importlib.metadata
import inspect
import json
import pathlib
import pkgutil
import subprocess
import sys
import typing

import pytest

import tfsigmavae as sv
import tfsigmavae_video
from tfsigmavae.decoders.identifier import DecoderName
from tfsigmavae_video import networks
from tfsigmavae_video.pictures import animation

ssim = sys.modules["tfsigmavae.metrics.ssim"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Import name -> folder.
PACKAGES = {"tfsigmavae": "tfsigmavae", "tfsigmavae_video": "video"}
# A line a mistake, and a part of what the checker says of it.
MISTAKES = {
    'sv.decoders.OptimalSigma(scope="nonsense")': '"scope"',
    'sv.decoders.FixedSigma(sigma="small")': '"sigma"',
    'sv.ConvVAE(decoder="optimal")': '"decoder"',
    'sv.video.SVGLP(network="resnet")': '"network"',
    'sv.video.WarpVRNN().predict_frames([0.0], "10")': '"num_frames"',
    'sv.video.load_clips("data", "training")': '"split"',
    'sv.video.write_animation("a", [0.0], format="avi")': '"format"',
    "sv.callbacks.KLAnnealing(num_steps=None)": '"num_steps"',
    "sv.layers.IndependentNormal(convert_to_tensor_fn='median')": '"convert_to',
    'sv.metrics.ssim([0.0], [0.0], window="hann")': '"window"',
    "sv.no_such_name": '"no_such_name"',
    "sv.video.no_such_name": '"no_such_name"',
}


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Function from files to errors, with the settings of pyproject.toml.

    Everything is checked at once, which takes half the time of two calls.
    """
    try:
        importlib.metadata.version("basedpyright")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("basedpyright is not installed: pip install 'tfsigmavae[test]'")
    folder = tmp_path_factory.mktemp("typing")
    for name, place in PACKAGES.items():
        (folder / name).symlink_to(ROOT / place)
    (folder / "example.py").write_text((ROOT / "tests/typing/example.py").read_text())
    lines = ["import tfsigmavae as sv", *MISTAKES]
    (folder / "mistakes.py").write_text("\n".join(lines) + "\n")
    (folder / "pyrightconfig.json").write_text(
        json.dumps(
            {
                "extends": str(ROOT / "pyproject.toml"),
                "include": [*PACKAGES, "example.py", "mistakes.py"],
            }
        )
    )
    return _errors(folder)


def _errors(folder):
    """(file, line, message) of every error in a folder."""
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]
    done = subprocess.run(
        [*command, "--outputjson", "-p", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found["summary"]["filesAnalyzed"] > 300, done.stdout[:1000] + done.stderr
    return [
        (
            str(pathlib.Path(error["file"]).relative_to(folder)),
            error["range"]["start"]["line"] + 1,
            error["message"],
        )
        for error in found["generalDiagnostics"]
        if error["severity"] == "error"
    ]


def test_package_and_example_have_no_errors(check):
    assert not [error for error in check if error[0] != "mistakes.py"]


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=list(MISTAKES))
def test_a_mistake_is_told(check, number):
    told = [
        text
        for file, line, text in check
        if (file, line) == ("mistakes.py", number + 2)
    ]
    assert any(list(MISTAKES.values())[number] in text for text in told), told


@pytest.mark.parametrize(
    ("alias", "names"),
    [
        (DecoderName, sv.decoders.names()),
        (networks.Network, networks.NETWORKS),
        (animation.Format, animation._FORMAT_OF_SUFFIX.values()),
        (ssim.Window, ssim.WINDOWS),
    ],
)
def test_literals_are_the_names_of_the_tables(alias, names):
    assert set(typing.get_args(alias)) == set(names)


def _callables(package):
    """All functions, classes and methods of a package: name -> object."""
    found = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if isinstance(value, type):
                methods = filter(inspect.isfunction, vars(value).values())
                found |= {f"{info.name}.{m.__qualname__}": m for m in methods}
            if isinstance(value, type) or inspect.isfunction(value):
                found[f"{info.name}.{name}"] = value
    return found


@pytest.mark.parametrize("package", [sv, tfsigmavae_video], ids=lambda p: p.__name__)
def test_annotations_can_be_read_at_run_time(package):
    """As dataclass readers, pydantic and documentation tools do."""
    found = _callables(package)
    assert len(found) > 500
    for name, value in found.items():
        assert isinstance(typing.get_type_hints(value), dict), name
