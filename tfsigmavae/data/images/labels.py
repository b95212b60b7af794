"""Class labels of the data sets that have them, in the order of `load`."""

import pathlib

import numpy as np

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
        ImportError: if tensorflow-datasets is needed and not installed.
        ValueError: if a file is damaged, or has another number of labels than images.
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


_READERS = {kind: kind.read_labels for kind in (mnist, cifar10, svhn)}
