"""Finds a data set by its name or path, and loads one split of it."""

import difflib
import os
import pathlib
import zipfile
from typing import Any, Literal, NamedTuple

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae.data.images import celeba, cifar10, mnist, svhn
from tfsigmavae.data.images.picture_files import (
    SUFFIXES,
    load_pictures,
    names_of_split,
    picture_names,
)
from tfsigmavae.data.images.tfds import load_tfds
from tfsigmavae.data.images.transform import Transform
from tfsigmavae.inputs import MAX_PIXELS, check_regular
from tfsigmavae.typing import PathLike

_FORMATS = (mnist, cifar10, svhn, celeba)


class _Named(NamedTuple):
    """A data set that has a name: its format, usual folders, and where to get it."""

    format: Any
    folders: tuple
    advice: str


NAMED = {
    "mnist": _Named(
        mnist, ("{keras}",), "`keras.datasets.mnist.load_data()` downloads it."
    ),
    "fashion_mnist": _Named(
        mnist,
        ("{keras}/fashion-mnist", "/usr/share/datasets/fashion-mnist"),
        "Install the Debian package dataset-fashion-mnist, or download it with "
        "`keras.datasets.fashion_mnist.load_data()`, or from "
        "https://github.com/zalandoresearch/fashion-mnist.",
    ),
    "cifar10": _Named(
        cifar10,
        ("{keras}", "{keras}/cifar-10-batches-py-target"),
        "`keras.datasets.cifar10.load_data()` downloads it, or extract "
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz.",
    ),
    "svhn": _Named(
        svhn, (), "Download it from http://ufldl.stanford.edu/housenumbers/."
    ),
    "celeba": _Named(
        celeba,
        (),
        "Download it from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html.",
    ),
}

# Files of videos, which are no images.
_VIDEOS = (".gif", ".mp4", ".mov", ".avi", ".mkv", ".webm")


def load(
    source: PathLike,
    split: str = "train",
    size: int | tuple[int, int] | None = None,
    crop: Literal["square"] | tuple[int, int, int, int] | None = None,
    channels: int | None = None,
    root: PathLike | None = None,
    test_share: float = 0.1,
    progress: bool | None = None,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Loads all images of one split into memory.

    | `source`           | splits                  | native size | files             |
    |--------------------|-------------------------|-------------|-------------------|
    | `"mnist"`          | train, test             | 28x28x1     | IDX, mnist.npz    |
    | `"fashion_mnist"`  | train, test             | 28x28x1     | IDX               |
    | `"cifar10"`        | train, test             | 32x32x3     | binary or Python  |
    | `"svhn"`           | train, test, extra      | 32x32x3     | MATLAB (1)        |
    | `"celeba"`         | train, validation, test | `size` (2)  | JPEG and list     |
    | `"tfds:NAME"`      | its own (3)             | its own     | prepared TFDS (4) |
    | folder or zip      | its own (3)             | its own     | any of the above, |
    |                    |                         |             | or pictures       |

    (1) Of version 5, as published. (2) Cropped by default to the
    148x148 pixels from column 15 and row 40, as many papers do; the sigma-VAE paper
    does not give its crop. (3) Where pictures lie in folders `train/` and `test/` (or
    `val/` ...), these are the splits. Otherwise `test_share` of the images are held
    out: those with the smallest SHA-256 of their name. So no file is in two splits,
    and the splits are the same in every run. (4) Needs
    `pip install "tfsigmavae[datasets]"`. Nothing is ever downloaded.

    Images come in the order of the files, and pictures in that of the SHA-256 of their
    names: the first ones are a fair sample also where every class has a folder.
    Grey, RGB, palette and black-and-white pictures are read as they are shown, turned
    as their EXIF asks; other kinds, and transparent ones, are an error. Links are
    followed; one that makes a picture count twice, or leads in a circle, is an error.

    Args:
        source: name of a data set, or path of a folder or zip file, whose kind is known
            by the files in it.
        split: name of the split. Defaults to `"train"`.
        size: int, height and width of square images, or (height, width), which may
            distort. Resized with Pillow's antialiasing bilinear filter, as the
            official sigma-VAE code does (28 for SVHN). Defaults to `None`, native.
        crop: what is cut out before resizing: `"square"`, the largest centred square,
            or (left, top, right, bottom) in pixels, the last two exclusive. Defaults to
            `None`: nothing, and (15, 40, 163, 188) for CelebA.
        channels: 1 or 3, to turn all images into grey or RGB. Defaults to `None`, as
            they are.
        root: folder that holds the files of a named data set (for `"tfds:NAME"`, its
            `data_dir`). Defaults to `None`: the Keras cache, and the Debian package
            of Fashion-MNIST.
        test_share: share of images to hold out for the split "test". Without effect
            on a source with splits of its own. Defaults to `0.1`.
        progress: whether to count images on stderr. By default, if it is a terminal.
        max_pixels: int > 0, width times height of a picture file at most: a few bytes
            may unpack to gigabytes. Defaults to 2**26, 8,192 x 8,192. What else is
            compressed (.gz, zip, .npz, .mat) may unpack to 128 MiB, or to 100 times its
            own bytes.

    Returns:
        `[N, H, W, C]` uint8 array, C 1 or 3.

    Raises:
        FileNotFoundError: if the files are not there, naming them and where to get
            them.
        ImportError: if tensorflow-datasets is needed and not installed.
        ValueError: on an unknown split, a broken file, images that differ in shape, or
            an argument out of its range.

    Example:
        >>> load("fashion_mnist", "test").shape
        (10000, 28, 28, 1)
        >>> load("photos.zip", size=64, crop="square").shape
        (900, 64, 64, 3)
    """
    check_at_least("max_pixels", max_pixels, 1)
    transform = Transform(size, crop, channels)
    if str(source).startswith("tfds:"):
        name = str(source).removeprefix("tfds:")
        return load_tfds(name, split, root, transform, test_share, progress)
    if source in NAMED:
        kind, files = find_named(source, split, root)
        return kind.read(files, split, transform, progress, max_pixels)
    path = _checked_path(source, root)
    found = [(kind, _find(kind, path, split)) for kind in _FORMATS]
    found = [(kind, files) for kind, files in found if files]
    if len(found) > 1:
        raise ValueError(
            f"'{path}' holds several data sets. Name one of {sorted(NAMED)} as "
            "`source`, and this folder as `root`."
        )
    if found:
        kind, files = found[0]
        return kind.read(files, split, transform, progress, max_pixels)
    names = picture_names(path)
    if not names:
        raise FileNotFoundError(_nothing_found(path, split))
    names = names_of_split(names, split, test_share, path)
    return load_pictures(path, names, transform, progress, max_pixels)


def _find(kind, path, split):
    return kind.find(path, split) if split in kind.FILES and path.is_dir() else None


def find_named(name, split, root):
    """Finds the files of a named data set.

    Args:
        name: a key of `NAMED`.
        split, root: see `load`.

    Returns:
        Its format, a module, and its files as that format wants them.

    Raises:
        ValueError, FileNotFoundError: see `load`.
    """
    kind, folders, advice = NAMED[name]
    if split not in kind.FILES:
        raise ValueError(
            f"Unknown split {split!r} of '{name}'. Choose one of: {tuple(kind.FILES)}."
        )
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    folders = [
        folder.format(keras=pathlib.Path(home) / "datasets") for folder in folders
    ]
    folders = [pathlib.Path(f).expanduser() for f in ([root] if root else folders)]
    for folder in folders:
        if files := kind.find(folder, split):
            return kind, files
    places = f" in {', '.join(map(repr, map(str, folders)))}" if folders else ""
    raise FileNotFoundError(
        f"'{name}' needs {kind.FILES[split]}; not found{places}. {advice} Pass the "
        "folder of the files as `root`."
    )


def _checked_path(source, root):
    path = pathlib.Path(source).expanduser()
    if root is not None:
        raise ValueError(
            f"`root` goes with a named data set: {sorted(NAMED)} or 'tfds:NAME'. Got "
            f"the path '{source}' with `root` '{root}'."
        )
    if not path.exists():
        near = difflib.get_close_matches(str(source), NAMED, 1)
        raise FileNotFoundError(
            f"'{source}' is neither a data set's name, {sorted(NAMED)} or "
            "'tfds:NAME', nor an existing folder or zip file."
            + "".join(f" Did you mean '{name}'?" for name in near)
        )
    if path.is_dir():
        return path
    check_regular(path)
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"`source` must be a folder or a zip file, got '{source}'."
            + _of_videos(path)
        )
    return path


def _nothing_found(path, split):
    wanted = [kind.FILES[split] for kind in _FORMATS if split in kind.FILES]
    wanted.append(f"pictures ({', '.join(SUFFIXES)})")
    told = f"No images of split {split!r} in '{path}'. Looked for: {'; '.join(wanted)}."
    files = path.rglob("*") if path.is_dir() else []
    return told + _of_videos(next(filter(_is_video, files), path))


def _is_video(path):
    return path.suffix.lower() in _VIDEOS


def _of_videos(path):
    """Where to go with a file that is a video; nothing for others."""
    if not _is_video(path):
        return ""
    return f" '{path.name}' is a video: `tfsigmavae train video` takes those."
