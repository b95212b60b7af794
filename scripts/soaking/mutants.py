"""Data files with damages: read, or refused by name in an error of ours."""

import functools
import gzip
import io
import json
import os
import pickle
import struct
import tempfile
import traceback
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import tfsigmavae
import tfsigmavae_video
from soaking.children import Child
from tfsigmavae.data import images
from tfsigmavae.data.images.labels import load_labels
from tfsigmavae_video.data.action_plans import read_actions
from tfsigmavae_video.data.loading import load

# A child that does not end in time, or ends by a signal, was one of so many.
_AT_ONCE = 100
_SECONDS = 120.0
_OURS = tuple(
    os.path.dirname(os.path.realpath(package.__file__)) + os.sep
    for package in (tfsigmavae, tfsigmavae_video)
)
_EXTREMES = [bytes(4), b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff"]


def _saved(save, *args, **options):
    file = io.BytesIO()
    save(file, *args, **options)
    return file.getvalue()


def _labelled(folder):
    split = "test" if (folder / "test_batch").exists() else "train"
    images.load(folder, split)
    load_labels(folder, split)


def _pictures(folder):
    (folder / "test").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "test" / "b.png")
    images.load(folder, "train", size=8)


def _clip(folder):
    (path,) = folder.iterdir()
    load(path, frame_shape=(8, 8, 3))(0, 0, 2)


def _sound_files():
    """Name of a file -> (its bytes, function of its folder that reads it)."""
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, [3, 4, 4], dtype=np.uint8)
    frames = rng.integers(0, 256, [4, 8, 8, 3], dtype=np.uint8)
    idx = struct.pack(">HBB3I", 0, 8, 3, *digits.shape) + digits.tobytes()
    first, *others = [Image.fromarray(frame) for frame in frames]
    rows = rng.integers(0, 256, [2, 3072], dtype=np.uint8)
    gif = _saved(first.save, "GIF", save_all=True, append_images=others, duration=50)
    cifar = pickle.dumps({b"labels": [1, 9], b"data": rows}, 4)
    mnist = _saved(np.savez, x_train=digits, y_train=np.arange(3))
    return {
        "train-images-idx3-ubyte": (idx, lambda folder: images.load(folder, "train")),
        "train-images-idx3-ubyte.gz": (gzip.compress(idx), images.load),
        "mnist.npz": (mnist, _labelled),
        "test_batch": (cifar, _labelled),
        "train/a.png": (_saved(first.save, "PNG"), _pictures),
        "train/a.jpg": (_saved(first.save, "JPEG"), _pictures),
        "a.npy": (_saved(np.save, frames), _clip),
        "a.npz": (_saved(np.savez_compressed, frames), _clip),
        "a.gif": (gif, _clip),
        "a.csv": (b"0.5,1.25\n" * 4, lambda folder: read_actions(folder / "a.csv", 2)),
    }


def damaged(content, rng):
    """One to three changes of some bytes."""
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(len(content) + 1))
        head, tail = content[:place], content[place:]
        number = int(rng.integers(1, 64))
        content = [
            lambda h, t, n: h + bytes(b ^ 1 << n % 8 for b in t[:1]) + t[1:],
            lambda h, t, n: h,
            lambda h, t, n: h + t[n:],
            lambda h, t, n: h + rng.bytes(n) + t,
            lambda h, t, n: h + t[:n] + t,
            lambda h, t, n: h + _EXTREMES[n % 4] + t[4:],
        ][rng.integers(6)](head, tail, number)
    return content


def _problem(error, name):
    """What is wrong with an error of a reader, or `None`."""
    raised_in = os.path.realpath(traceback.extract_tb(error.__traceback__)[-1].filename)
    by_us = isinstance(error, (ValueError, ImportError, FileNotFoundError))
    by_us = by_us and raised_in.startswith(_OURS)
    by_system = isinstance(error, OSError) and error.filename is not None
    if (by_us or by_system) and Path(name).name in str(error):
        return None
    return f"{error!r} of {raised_in}"


def _read(name, content, read):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        try:
            read(Path(folder))
        except Exception as error:
            return _problem(error, name)
    return None


def read_mutants(seed, results):
    """Reads `_AT_ONCE` damaged files; a line of `results` each, begun before."""
    rng = np.random.default_rng(seed)
    warnings.simplefilter("ignore")  # Pillow's, of odd files
    sound = _sound_files()
    with open(results, "w") as lines:
        for name, (content, read) in sound.items():
            if problem := _read(name, content, read):
                raise RuntimeError(f"'{name}' is sound: {problem}")
        for number in range(_AT_ONCE):
            name = list(sound)[rng.integers(len(sound))]
            content, read = sound[name]
            lines.write(json.dumps(f"{name}, mutant {number} of seed {seed}: "))
            lines.flush()
            problem = _read(name, damaged(content, rng), read)
            lines.write(f" {json.dumps(problem)}\n")


def mutated_inputs(ground):
    """Damaged files, in processes that may not crash or hang."""
    while True:
        folder, seed = ground.new_folder(), int(ground.rng.integers(2**31))
        results = folder / "results"
        work = functools.partial(read_mutants, seed, results)
        child = Child(work, folder / "log")
        code = child.wait(_SECONDS)
        child.kill()
        found = []
        for line in results.read_text().splitlines():
            where, end = json.JSONDecoder().raw_decode(line)
            text = line[end:].strip()
            problem = json.loads(text) if text else f"it ended with {code}"
            found.append(where + problem if problem else None)
        if code != 0:
            found.append(f"{folder}: {code}: {child.text[-500:]}")
        yield found
