"""What of a run folder must be the same, whatever happened to the run."""

import hashlib
import io
import json
import zipfile

import h5py
import numpy as np


def record(folder) -> dict:
    """Part of the run folder -> value; of two equal runs the same, bit for bit.

    Hidden files and all names are a part: what is left over makes a difference.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    arrays = {path.name: _arrays(path) for path in paths if path.suffix == ".npz"}
    return {
        "names of files": [str(path.relative_to(folder)) for path in paths],
        "model.keras": _weights(folder / "model.keras"),
        "checkpoints": arrays,
        "history.csv": (folder / "history.csv").read_text(),
        "scores": _scores(folder),
        "pictures": {
            path.name: _digest(path.read_bytes())
            for path in (folder / "samples").iterdir()
        },
    }


def differences(expected, found) -> list:
    """Names of what differs, with the entries that do."""
    return [
        f"{part} ({_first_difference(value, found[part])})"
        for part, value in expected.items()
        if found[part] != value
    ]


def _weights(path):
    """Digest by name of all numbers: weights, optimizer, statistics."""
    digests = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            digests[name] = _digest(_bytes(item[()]))

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(visit)
    return digests


def _arrays(path):
    with np.load(path) as file:
        return {name: _digest(_bytes(file[name])) for name in file.files}


def _scores(folder):
    """The summary without times, and without places."""
    summary = json.loads((folder / "summary.json").read_text())
    return {
        name: value
        for name, value in summary.items()
        if "seconds" not in name and str(folder) not in str(value)
    }


def _bytes(array):
    array = np.asarray(array)
    return f"{array.dtype} {array.shape} ".encode() + array.tobytes()


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def _first_difference(one, two):
    if isinstance(one, dict):
        names = [n for n in {**one, **two} if one.get(n) != two.get(n)]
        return _first_difference(one.get(names[0]), two.get(names[0])) + f" {names[0]}"
    if isinstance(one, list):
        return ", ".join(sorted(map(str, {*one} ^ {*two})))
    return f"{str(one)[-200:]!r}, now {str(two)[-200:]!r}"
