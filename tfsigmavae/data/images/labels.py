"""Class labels of the data sets that have them, in the order of `load`."""

import gzip
import pathlib

import numpy as np

from tfsigmavae.backend import require
from tfsigmavae.data.images import cifar10, mnist, svhn
from tfsigmavae.data.images.loading import NAMED, find_named
from tfsigmavae.data.images.picture_files import names_of_split, picture_names
from tfsigmavae.data.images.tfds import load_tfds_labels


def load_labels(source, split: str = "train", root=None, test_share: float = 0.1):
    """Loads the class of every image that `load` gives for the same arguments.

    Of pictures, the class is the folder that a picture lies in; of
    tensorflow-datasets, the feature "label".

    Args:
        source, split, root, test_share: see `load`.

    Returns:
        int64 array `[N]` of 0 to the number of classes less 1; `None` where the data
        set has no classes, or does not tell those of this split.

    Raises:
        FileNotFoundError: if the labels of a data set that has them are not there.
        ImportError: if SciPy or tensorflow-datasets is needed and not installed.
        ValueError: if there are not as many labels as images.
    """
    if str(source).startswith("tfds:"):
        name = str(source).removeprefix("tfds:")
        return load_tfds_labels(name, split, root, test_share)
    if source in NAMED:
        kind, files = find_named(source, split, root)
        return _READERS[kind](files, split) if kind in _READERS else None
    path = pathlib.Path(source).expanduser()
    for kind, read in _READERS.items():
        if path.is_dir() and split in kind.FILES and (files := kind.find(path, split)):
            return read(files, split)
    return _folders(path, split, test_share)


def _folders(path, split, test_share):
    names = picture_names(path)
    # Of all splits, so that a class has the same number in each.
    classes = sorted({_folder(name) for name in names} - {split, ""})
    chosen = [_folder(name) for name in names_of_split(names, split, test_share, path)]
    if len(classes) < 2 or not set(chosen) <= set(classes):
        return None
    return np.array([classes.index(folder) for folder in chosen], np.int64)


def _folder(name):
    return pathlib.PurePosixPath(name).parent.name


def _mnist(file, split):
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return arrays[f"y_{split}"].astype(np.int64)
    name = file.name.replace("images", "labels").replace("idx3", "idx1")
    file = file.with_name(name)
    if not file.is_file():
        raise FileNotFoundError(f"'{file}' belongs to the images beside it.")
    data = file.read_bytes()
    data = gzip.decompress(data) if file.suffix == ".gz" else data
    # Header: zeros, type uint8, one axis, its length.
    if data[:4] != b"\0\0\x08\x01" or len(data) - 8 != int.from_bytes(data[4:8], "big"):
        raise ValueError(f"'{file}' is not an IDX file of uint8 labels.")
    return np.frombuffer(data, np.uint8, offset=8).astype(np.int64)


def _cifar10(files, split):
    return np.concatenate([_cifar10_batch(file) for file in files]).astype(np.int64)


def _cifar10_batch(file):
    if file.suffix == ".bin":
        return np.frombuffer(file.read_bytes(), np.uint8)[:: cifar10.RECORD_SIZE]
    with file.open("rb") as stream:
        return cifar10.ArrayUnpickler(stream, encoding="bytes").load()[b"labels"]


def _svhn(file, split):
    matrix = require("scipy.io", "svhn").loadmat(file, variable_names=["y"])["y"]
    return matrix.ravel().astype(np.int64) % 10  # its label 10 is the digit 0


_READERS = {mnist: _mnist, cifar10: _cifar10, svhn: _svhn}
