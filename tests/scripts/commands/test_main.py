"""The words of the command `tfsigmavae`."""

import os
import subprocess
import sys

import pytest
from fresh_process import ROOT, environment
from tfsigmavae_commands.__main__ import COMMANDS, main

import tfsigmavae

HEAVY = "tensorflow", "keras", "numpy", "tfsigmavae", "tfsigmavae_video", "PIL"


def called(*words, capsys):
    """Exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out, captured.err


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_all_commands_are_listed(words, capsys):
    code, out, err = called(*words, capsys=capsys)
    assert code == 0 and err == ""
    for name, (_, text) in COMMANDS.items():
        assert f"tfsigmavae {name} " in out and text in out


def test_the_version_is_told(capsys):
    assert called("--version", capsys=capsys)[1] == f"{tfsigmavae.__version__}\n"


@pytest.mark.parametrize(
    "words, told",
    [
        (["train"], "tfsigmavae train video "),
        (["train", "--help"], "tfsigmavae train images "),
        (["data", "-h"], "tfsigmavae data convert "),
    ],
)
def test_the_first_of_two_words_lists_the_second(words, told, capsys):
    code, out, _ = called(*words, capsys=capsys)
    assert told in out and "tfsigmavae predict" not in out and code in (0, 2)


@pytest.mark.parametrize(
    "words, told",
    [
        (["trian", "video"], "Did you mean 'train video'?"),
        (["train", "vidoe"], "Did you mean 'train video'?"),
        (["demmo"], "Did you mean 'demo'?"),
        (["train", "--data", "x"], "Choose from: train video, train images."),
        (["data", "xyz"], "Choose from: data pushing, data convert, data download."),
        (["xyz"], "Choose from: demo, "),
    ],
)
def test_a_misspelt_command_is_one_line(words, told, capsys):
    code, out, err = called(*words, capsys=capsys)
    assert code == 2 and out == ""
    assert err.startswith("error: there is no command 'tfsigmavae ")
    assert told in err and err.count("\n") == 1


def without_heavy(*words, cwd):
    """A command in a process that fails where it imports anything heavy."""
    code = (
        "import sys\n"
        "class Refusal:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {HEAVY} and name not in {HEAVY[3:5]}:\n"
        "            raise AssertionError(f'{name} is imported')\n"
        "sys.meta_path.insert(0, Refusal())\n"
        "from tfsigmavae_commands.__main__ import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        f"    assert not {{*sys.modules}} & {{*{HEAVY}}}\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_instant(name, tmp_path):
    started = os.times().children_user
    result = without_heavy(*name.split(), "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert os.times().children_user - started < 1  # 0.1 s, beside other programs
    assert f"    tfsigmavae {name}" in result.stdout and "JSON" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--stepps", "3"],
        ["train", "video", "--preset", "demo", "--steps", "many"],
        ["train", "video", "--data", "nowhere", "--output", "o"],
        ["train", "images", "--preset", "demo", "--model-options", "lat_size=3"],
        ["predict", "--model", "runs/dmo", "--data", "d"],
        ["evaluate", "--model", ".", "--protocol", "fvd"],
        ["export", "--model", "nowhere", "--output", "o"],
        ["data", "pushing"],
        ["data", "convert", "--data", "nowhere", "--output", "o"],
        ["data", "download", "biar"],
        ["reproduce", "--preset", "labtop"],
    ],
    ids=" ".join,
)
def test_a_mistake_in_flags_is_told_before_anything_heavy_is_loaded(words, tmp_path):
    result = without_heavy(*words, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: ") and len(lines) == 2
    assert lines[1].endswith("--help explains.")


@pytest.mark.parametrize("name", COMMANDS)
def test_flags_are_not_abbreviated(name, capsys, tmp_path, monkeypatch):
    """What is short for one flag today may be short for two tomorrow."""
    monkeypatch.chdir(tmp_path)
    short = "--outpu" if name != "data download" else "--retrie"
    name = [*name.split(), *(["mnist"] if "download" in name else [])]
    code, _, err = called(*name, short, "3", capsys=capsys)
    assert code == 2 and err.startswith("error: ")


def test_it_is_installed_as_a_command_that_works_beside_a_clone(tmp_path):
    """A folder `tfsigmavae` in the working directory is not taken for the package."""
    (tmp_path / "tfsigmavae").mkdir()
    script = os.path.join(os.path.dirname(sys.executable), "tfsigmavae")
    assert os.access(script, os.X_OK), f"run pip install -e {ROOT}"
    result = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True)
    assert result.returncode == 0, result.stderr
    code = "import tfsigmavae, tfsigmavae.video; print(tfsigmavae.__version__)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.stdout == f"{tfsigmavae.__version__}\n", result.stderr


@pytest.mark.parametrize("words", [["--help"], ["train", "video", "--help"]])
def test_who_has_read_enough_is_not_told_of_it(words):
    """As `tfsigmavae --help | head -1`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-u", "-m", "tfsigmavae_commands", *words]
    process = subprocess.run(
        command, stdout=write, stderr=subprocess.PIPE, text=True, env=environment()
    )
    os.close(write)
    assert process.stderr == ""
    assert process.returncode in (0, 128 + 13)  # argparse passes over it


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line():
    command = [sys.executable, "-u", "-m", "tfsigmavae_commands", "--help"]
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert process.stderr == "error: [Errno 28] No space left on device\n"
    assert process.returncode == 1


def test_a_file_of_the_packages_name_in_the_way_is_named(tmp_path):
    (tmp_path / "tfsigmavae.py").write_text("")
    command = [sys.executable, "-m", "tfsigmavae_commands", "train", "video", "--help"]
    process = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment()
    )
    told = f"error: '{tmp_path / 'tfsigmavae.py'}' stands before the package of its"
    assert process.stderr.startswith(told) and process.returncode == 1
