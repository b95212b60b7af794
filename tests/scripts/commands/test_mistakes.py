"""Every command with every kind of mistake: one or two lines, nothing half-written.

missing     a file or folder that is not there
wrong kind  one that is there and of another kind
misspelt    a name
wrong shape files whose sizes do not fit
"""

import shutil
import sys

import keras
import numpy as np
import pytest
from tfsigmavae_commands.__main__ import main
from tiny_svg_lp import random_clips, tiny_model

import tfsigmavae as sv
from tfsigmavae.pictures import write_png
from tfsigmavae.video import write_shards

SMALL = (
    "--steps 1 --batch-size 2 --num-frames 2 --eval-frames 2 --num-samples 2 "
    "--num-eval-clips 1"
)
# Kind, command, what the line says.
MISTAKES = [
    ("missing", "predict --model nowhere --data clips", "there is no 'nowhere'"),
    ("missing", "predict --model empty --data clips", "Name a run folder"),
    ("missing", "predict --model video.keras --data nowhere", "there is no 'nowhere'"),
    ("missing", "predict --model video.keras --data empty", "holds no videos"),
    ("misspelt", "predict --model vidoe.keras --data clips", "mean 'video.keras'?"),
    ("misspelt", "predict --model video.keras --data clips --split tst", "'tst'"),
    ("misspelt", "predict --model video.keras --data clips --start ende", "nor 'end'"),
    ("wrong kind", "predict --model notes.txt --data clips", "no model that Keras"),
    ("wrong kind", "predict --model pairs.npz --data clips", "Keras cannot load"),
    ("wrong kind", "predict --model plain.keras --data clips", "holds a Functional"),
    ("wrong kind", "predict --model image.keras --data clips", "a model of images"),
    ("wrong kind", "predict --model video.keras --data notes.txt", "no known clips"),
    ("wrong kind", "predict --model video.keras --data fake.mp4", "cannot be opened"),
    (
        "wrong kind",
        "predict --model video.keras --data clips --output notes.txt",
        "exists. Remove it",
    ),
    ("wrong kind", "train video --data clips --output photos", "--output 'photos' is"),
    ("wrong shape", "predict --model video.keras --data large", "(16, 16, 3)"),
    ("missing", "evaluate --model empty", "Name a run folder"),
    ("misspelt", "evaluate --modle video.keras", "Did you mean --model?"),
    ("misspelt", "export --model video.keras --ouput v/1", "Did you mean --output?"),
    ("missing", "evaluate --model video.keras", "--data"),
    ("misspelt", "evaluate --model image.keras video.keras", "after --compare"),
    ("wrong kind", "evaluate --model video.keras --protocol run", "Nobody knows"),
    ("missing", "evaluate --model video.keras --data nowhere", "no file or folder"),
    ("misspelt", "evaluate --model video.keras --protocol smok", "'smok'"),
    (
        "wrong kind",
        "evaluate --model video.keras --data clips --protocol-options num_clips=0",
        "--num-clips must be an int >= 1, got 0",
    ),
    ("wrong kind", "evaluate --model notes.txt", "no model that Keras"),
    ("wrong kind", "evaluate --model plain.keras --data clips", "holds a Functional"),
    ("wrong kind", "evaluate --model video.keras --data fake.mp4", "cannot be opened"),
    (
        "wrong kind",
        "evaluate --model image.keras --data photos --protocol svg-2-28",
        "Choose one of",
    ),
    ("wrong shape", "evaluate --model video.keras --data large", "(16, 16, 3)"),
    ("wrong shape", "evaluate --model video.keras --data clips", "30"),
    ("missing", "export --model nowhere --output v/1", "there is no 'nowhere'"),
    ("missing", "export --model empty --output v/1", "Name a run folder"),
    ("wrong kind", "export --model notes.txt --output v/1", "no model that Keras"),
    ("wrong kind", "export --model plain.keras --output v/1", "holds a Functional"),
    ("missing", "export --model own.keras --output v/1", "--import"),
    ("missing", "evaluate --model own.keras", "class Own of 'own.keras'"),
    ("missing", "predict --model own.keras --data clips --import nine.py", "no 'nine."),
    ("missing", "export --model own.keras --output v/1 --import nine", "no 'nine' to"),
    ("wrong kind", "export --model own.keras --output v/1 --import keras.py", "rename"),
    ("missing", "export --model own.keras --output v/1 --import a.b", "no 'a.b' to"),
    ("wrong kind", "export --model video.keras --output notes.txt", "exists"),
    ("wrong kind", "export --model video.keras --output v/1 --max-frames 0", ">= 1"),
    ("missing", "train video --data nowhere --output r", "there is no 'nowhere'"),
    ("missing", "train video --data empty --output r", "holds no videos"),
    ("missing", "train video --data clips", "--data and --output are needed"),
    ("misspelt", "train video --data clips --output r --model svglp", "'svglp'"),
    ("misspelt", "train video --dry-run --model-options netwrk=vgg", "mean network?"),
    ("misspelt", "train video --dry-run --model-options network=vgh", "'vgh'"),
    ("misspelt", "train video --dry-run --decoder optimal", "'optimal'"),
    (
        "misspelt",
        "train video --dry-run --decoder optimal-sigma",
        "Did you mean optimal_sigma?",
    ),
    ("misspelt", "train video --dry-run --decoder-options scop=batch", "scop"),
    (
        "misspelt",
        "train video --data clips --output r --data-options fsp=3",
        "'fsp'",
    ),
    ("wrong kind", "train video --data notes.txt --output r", "no known clips"),
    ("wrong kind", "train video --data fake.mp4 --output r", "cannot be opened"),
    ("wrong kind", "train video --data clips --output notes.txt", "needs a folder"),
    ("wrong kind", "train video --dry-run --steps 0", ">= 1"),
    ("wrong kind", "train video --dry-run --learning-rate fast", "'fast'"),
    ("wrong kind", "train video --dry-run --model-options width=x", "must be int"),
    ("wrong kind", "train video --dry-run --decoder fixed_sigma", "needs its `sigma`"),
    ("wrong shape", f"train video --data clips --output r {SMALL}", "(16, 16, 3)"),
    ("wrong shape", "train video --dry-run --frame-size 17", "multiples of 4"),
    ("missing", "train images --data nowhere --output r", "'nowhere' is neither"),
    ("missing", "train images --data nowhere --dry-run", "'nowhere' is neither"),
    ("missing", "train video --data nowhere --dry-run", "there is no 'nowhere'"),
    ("missing", "train images --data empty --output r", "No images of split"),
    ("missing", "train images --data empty --dry-run", "No images of split"),
    ("missing", "train video --data empty --dry-run", "holds no videos"),
    (
        "wrong kind",
        "train images --data notes.txt --dry-run",
        "--data must be a folder",
    ),
    ("wrong kind", "export --model video.keras --output photos", "--output 'photos'"),
    ("wrong kind", "export --model own.keras --output v --import .rel", "no '.rel' to"),
    ("misspelt", "train images --data fashion_mnits --output r", "'fashion_mnist'?"),
    ("misspelt", "train images --dry-run --model-options widhts=[8]", "mean widths?"),
    ("wrong kind", "train images --data notes.txt --output r", "folder or a zip"),
    ("wrong kind", "train images --data fake.mp4 --output r", "folder or a zip"),
    ("wrong kind", "train images --data films --output r", "train video` takes those"),
    ("wrong kind", "train images --dry-run --model-options widths=x", "must be"),
    ("wrong kind", "train images --dry-run --model-options widths=8", "must be"),
    ("wrong kind", "train images --dry-run --decoder fixed_sigma", "needs its `sigma`"),
    ("wrong shape", "train images --data uneven --output r", "size"),
    ("missing", "data convert --data nowhere --output c", "there is no 'nowhere'"),
    ("missing", "data convert --data empty --output c", "holds no videos"),
    ("wrong kind", "data convert --data fake.mp4 --output c", "cannot be opened"),
    ("misspelt", "data convert --data film.npy --output c --fit zoom", "crop"),
    ("wrong shape", "data convert --data film.npy --output c --num-frames 99", "99"),
    ("missing", "data pushing", "--output"),
    ("wrong kind", "data pushing --output notes.txt", "is a file"),
    ("wrong kind", "data pushing --output p --num-frames 0", ">= 1"),
    ("misspelt", "data download biar", "'biar'"),
    ("missing", "reproduce --data nowhere --output q", "'nowhere' is neither"),
    ("misspelt", "reproduce --preset labtop", "'labtop'"),
    ("wrong kind", "demo --steps few", "'few'"),
    ("misspelt", "demo --stepz 3", "Did you mean --steps?"),
]


class Own(sv.ConvVAE):
    """A class that nobody has registered."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    """What the commands are given."""
    root = tmp_path_factory.mktemp("ground")
    (root / "empty").mkdir()
    (root / "notes.txt").write_text("words")
    (root / "keras.py").write_text("")
    (root / "films").mkdir()
    (root / "films" / "one.gif").write_bytes(b"GIF89a")
    (root / "fake.mp4").write_bytes(b"no video" * 100)
    np.savez(root / "pairs.npz", a=np.zeros(2))
    np.save(root / "film.npy", random_clips(1, 8, (16, 16, 3))[0])
    for split in ("train", "test"):
        write_shards(root / "clips", split, random_clips(2, 6, (16, 16, 3)))
        write_shards(root / "large", split, random_clips(2, 40, (32, 32, 3)))
        for size in (8, 12):
            image = np.zeros([size, size, 3], np.uint8)
            write_png(root / "uneven" / split / f"{size}.png", image)
            write_png(root / "photos" / split / f"{size}.png", image[:8, :8])
    tiny_model(frame_shape=(16, 16, 3)).save(root / "video.keras")
    image = sv.ConvVAE(image_shape=[8, 8, 3], widths=[2, 2], latent_size=2)
    image.save(root / "image.keras")
    Own(image_shape=[8, 8, 3], widths=[2, 2], latent_size=2).save(root / "own.keras")
    inputs = keras.Input([3])
    keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(root / "plain.keras")
    return root


def names_below(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.mark.parametrize(
    "kind, command, told", MISTAKES, ids=[command for _, command, _ in MISTAKES]
)
def test_a_mistake_is_told_in_a_line_or_two(
    kind, command, told, ground, tmp_path, monkeypatch, capsys
):
    shutil.copytree(ground, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = names_below(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    out, err = capsys.readouterr()
    if isinstance(ended.value.code, str):  # Python prints it, and exits with 1
        err += f"{ended.value.code}\n"
    assert ended.value.code not in (0, None) and out == ""
    words = err[err.index("error: ") :]
    assert told in words and len(words.splitlines()) <= 2
    assert names_below(tmp_path) == before


def test_every_command_has_mistakes_of_every_kind_that_it_can_have():
    of_commands = {}
    for kind, command, _ in MISTAKES:
        verb, noun = command.split()[:2]
        name = f"{verb} {noun}" if verb in ("train", "data") else verb
        of_commands.setdefault(name, set()).add(kind)
    for name in ("predict", "evaluate", "train video", "train images", "data convert"):
        all_kinds = {"missing", "wrong kind", "misspelt", "wrong shape"}
        assert of_commands[name] == all_kinds, name
    assert set(of_commands) >= {"export", "data pushing", "data download", "reproduce"}
