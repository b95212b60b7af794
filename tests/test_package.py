"""A wheel built from the sources alone installs, imports and trains elsewhere."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import textwrap
import zipfile

import pytest

import tfsigmavae

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Import name -> folder.
FOLDERS = {
    pathlib.Path("tfsigmavae"): "tfsigmavae",
    pathlib.Path("tfsigmavae_commands"): "scripts/commands",
    pathlib.Path("tfsigmavae_video"): "video",
}


def snippet():
    """Python that a user of the wheel could run: prints where it is, and `trained`."""
    return """
        import importlib.util
        import keras
        import numpy as np
        import tfsigmavae as sv, tfsigmavae.video, tfsigmavae_video

        print(sv.__version__)
        print(sv.__file__, sv.video.__file__, tfsigmavae_video.__file__)
        print(importlib.util.find_spec("video"))
        model = sv.video.SVGLP(
            (8, 8, 1), network="dcgan", width=2, code_size=4, hidden_size=4,
            latent_size=2, seed=0,
        )
        model.compile(keras.optimizers.Adam(1e-2))
        clips = np.zeros([8, 3, 8, 8, 1], "uint8")
        losses = model.fit(clips, epochs=3, verbose=0).history["loss"]
        assert losses[-1] < losses[0], losses
        print("trained")
    """


def _run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


def _sources():
    """Files that a clean clone would have, those not yet committed included."""
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode == 0:
        paths = [pathlib.Path(name) for name in listing.stdout.split("\0") if name]
        return [path for path in paths if (ROOT / path).is_file()]
    kept = ["tfsigmavae", "video", "tests", "scripts"]  # an unpacked sdist
    inside = [path for folder in kept for path in (ROOT / folder).rglob("*")]
    return [
        path.relative_to(ROOT)
        for path in [*ROOT.glob("*"), *inside]
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _build_options():
    """Builds offline where this environment's setuptools can."""
    try:
        major = int(importlib.metadata.version("setuptools").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        major = 0
    return ["--no-isolation"] if major >= 77 else []


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Names inside the sdist and the wheel, and the wheel's path."""
    clone = tmp_path_factory.mktemp("clone")
    for path in _sources():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, clone / path)
    dist = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", *_build_options(), "-o", dist, clone]
    _run(command, cwd=dist)
    (sdist,) = dist.glob("*.tar.gz")
    (wheel,) = dist.glob("*.whl")
    with tarfile.open(sdist) as opened:
        in_sdist = {name.partition("/")[2] for name in opened.getnames()}
    return in_sdist, set(zipfile.ZipFile(wheel).namelist()), wheel


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    """A folder with the wheel installed; its dependencies are this environment's."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    _run([*pip, "--target", target, archives[2]])
    return target


@pytest.fixture(scope="module")
def printed(installed, tmp_path_factory):
    """Lines of a program that runs with the wheel, elsewhere."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", textwrap.dedent(snippet())]
    cwd = tmp_path_factory.mktemp("elsewhere")
    return _run(command, env=environment, cwd=cwd).splitlines()


def test_wheel_holds_the_library_and_nothing_else(archives):
    _, in_wheel, _ = archives
    wanted = {
        str(package / path.relative_to(folder))
        for package, folder in FOLDERS.items()
        for path in _sources()
        if path.is_relative_to(folder)
    }
    info = f"tfsigmavae-{tfsigmavae.__version__}.dist-info/"
    assert {name for name in in_wheel if not name.startswith(info)} == wanted
    assert {"tfsigmavae/py.typed", "tfsigmavae_video/py.typed"} <= in_wheel
    assert f"{info}licenses/LICENSE" in in_wheel


def test_sdist_holds_what_the_tests_and_the_demo_need(archives):
    in_sdist, _, _ = archives
    left_out = {".gitignore", ".ci/run"}
    missing = {path.as_posix() for path in _sources()} - in_sdist - left_out
    assert not missing


def test_wheel_imports_from_another_directory(installed, printed):
    version, files, video = printed[:3]
    assert version == tfsigmavae.__version__
    assert all(file.startswith(str(installed)) for file in files.split())
    assert video == "None", "the wheel must not install a top-level `video`"


def test_wheel_trains_from_another_directory(printed):
    assert printed[-1] == "trained"


def test_the_command_of_the_wheel_makes_data_where_it_is_called(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "tfsigmavae_commands"]
    flags = "--output data/pushing --num-train 1 --num-test 1 --num-frames 4".split()
    _run([*command, "data", "pushing", *flags], env=environment, cwd=tmp_path)
    assert list((tmp_path / "data/pushing/train").glob("*.tfrecords"))
    entry = (installed / "bin" / "tfsigmavae").read_text()
    assert "from tfsigmavae_commands.__main__ import main" in entry


def test_an_editable_install_is_a_folder_of_links(tmp_path):
    """Editors follow them, and a module that is added later is there at once."""
    clone = tmp_path / "tfsigmavae"
    for path in _sources():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, clone / path)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--no-build-isolation"] if _build_options() else []
    target = tmp_path / "site"
    _run([*pip, *options, "--target", target, "-e", clone], cwd=tmp_path)
    (entry,) = target.glob("*.pth")
    assert entry.read_text().strip() == str(clone / ".links")
    assert not list(target.glob("*finder*"))
    links = {path.name: path.resolve() for path in (clone / ".links").glob("tf*_*")}
    assert links == {
        str(name): clone / folder
        for name, folder in FOLDERS.items()
        if "_" in str(name)
    }
    (clone / "video" / "added.py").write_text("there = True")
    # Beside the clone: its folder is no package, and does not hide the one installed.
    code = (
        f"import site; site.addsitedir({str(target)!r})\n"
        "import importlib.util as u\n"
        "print(u.find_spec('tfsigmavae').origin)\n"
        "print(u.find_spec('tfsigmavae_video').submodule_search_locations[0])\n"
    )
    bare = [sys.executable, "-S", "-c", code]
    lines = _run(bare, cwd=tmp_path).splitlines()
    assert lines == [
        str(clone / ".links/tfsigmavae/__init__.py"),
        str(clone / ".links/tfsigmavae_video"),
    ]
    assert (pathlib.Path(lines[1]) / "added.py").is_file()
