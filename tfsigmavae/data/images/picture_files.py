"""Picture files in a folder or a zip: their names, splits and pixels."""

import contextlib
import hashlib
import io
import os
import pathlib

from PIL import ImageOps

from tfsigmavae.data.images.stacking import stack_in_threads
from tfsigmavae.inputs import (
    MAX_PIXELS,
    CheckedZip,
    InputError,
    explained,
    open_picture,
    walk,
)

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
# Folder names of splits, in lower case, and what `split` calls them.
_TRAIN_FOLDERS = {"train": "train", "training": "train"}
_HELD_OUT_FOLDERS = {
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "valid",
    "validation": "validation",
}


def picture_names(path) -> dict:
    """Names, relative to `path`, of all pictures in a folder or a zip.

    They are sorted by their SHA-256: the first ones are a fair sample also where every
    class has a folder. Hidden files and folders, and those that macOS adds to a zip,
    are left out.

    Returns:
        dict of name -> what tells the file from others: its path without links.

    Raises:
        InputError: if the folder holds links in a circle, or what is called a picture
            is no regular file; if the zip is damaged, or has a name twice.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        found = dict(walk(path, _is_picture))
    else:
        what = "is no zip file that can be read"
        with explained(f"'{path}'", what), CheckedZip(path) as archive:
            names = [*filter(_is_picture, archive.namelist())]
        found = {name: name for name in names}
        if len(found) < len(names):
            again = next(name for name in found if names.count(name) > 1)
            raise InputError(f"'{again}' is twice in '{path}'. Pack it anew.")
    return {name: found[name] for name in sorted(found, key=_digest)}


def load_pictures(path, names, transform, progress=None, max_pixels=MAX_PIXELS):
    """Reads, decodes and transforms the named pictures: uint8 `[N, H, W, C]`."""
    path = pathlib.Path(path)
    with _opened(path) as open_file:

        def make(name):
            where = f"'{name}' of '{path}'"
            return transform(_decode(open_file, name, where, max_pixels), where)

        return stack_in_threads(make, names, progress)


def names_of_split(names, split: str, test_share: float, path) -> list:
    """The pictures of a split: the split's own folder, or a share held out by name.

    Args:
        names: dict, see `picture_names`.
        split, test_share, path: see `load`.

    Raises:
        InputError: if a picture has two names, by a link: it would count twice, and may
            be trained on and tested on.
        ValueError: see `load`.
    """
    parts = [name.split("/") for name in names]
    depth = len(os.path.commonprefix([part[:-1] for part in parts]))
    folders = {part[depth] for part in parts if len(part) > depth + 1}
    train = {folder for folder in folders if folder.lower() in _TRAIN_FOLDERS}
    held_out = {folder for folder in folders if folder.lower() in _HELD_OUT_FOLDERS}
    if not held_out:  # a folder "train" alone may hold pictures of trains
        _check_once(names, names, path)
        return hold_out([*names], split, test_share, path)
    if not train:
        raise ValueError(
            f"'{path}' has the folders {sorted(held_out)}, which look like held-out "
            "splits, and no folder 'train'. Rename them, or name one as `source`."
        )
    split_of = {**_TRAIN_FOLDERS, **_HELD_OUT_FOLDERS}
    wanted = {folder for folder in folders if split_of.get(folder.lower()) == split}
    if not wanted:
        raise ValueError(
            f"Unknown split {split!r}: '{path}' has the folders {sorted(folders)}."
        )
    folder_of = {name: part[depth] for name, part in zip(names, parts, strict=True)}
    in_splits = [name for name in names if folder_of[name].lower() in split_of]
    _check_once(in_splits, names, path)
    return [name for name in names if folder_of[name] in wanted]


def hold_out(names, split: str, test_share: float, path) -> list:
    """Splits names that have no split of their own, always in the same way.

    The names with the smallest SHA-256 are the test split: each name's place depends
    on nothing random, and hardly on the other names.
    """
    if split not in ("train", "test"):
        raise ValueError(
            f"Unknown split {split!r}: '{path}' has no splits of its own. Choose one "
            "of: ('train', 'test')."
        )
    if not 0.0 < test_share < 1.0:
        raise ValueError(f"`test_share` must lie between 0 and 1, got {test_share!r}.")
    num_test = round(test_share * len(names))
    if not 0 < num_test < len(names):
        raise ValueError(
            f"`test_share` {test_share} of the {len(names)} images of '{path}' leaves "
            "a split empty. Choose another, or add images."
        )
    test = set(sorted(names, key=_digest)[:num_test])
    return [name for name in names if (name in test) == (split == "test")]


def _digest(name):
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _is_picture(name):
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return name.lower().endswith(SUFFIXES) and not hidden


def _check_once(names, real, path):
    """Raises if two of the names are one file, by the places in `real`."""
    first = {}
    for name in names:
        other = first.setdefault(real[name], name)
        if other != name:
            raise InputError(
                f"'{name}' and '{other}' of '{path}' are one file, by a link: it would "
                "count twice, and may be trained on and tested on. Remove the link."
            )


@contextlib.contextmanager
def _opened(path):
    """Gives a function name -> path of the picture, or binary file with it."""
    if path.is_dir():
        yield lambda name: path / name
    else:
        with CheckedZip(path) as archive:
            yield lambda name: io.BytesIO(archive.read(name))


def _decode(open_file, name, where, max_pixels):
    with explained(where, "cannot be decoded", "Copy it again, or remove it."):
        with open_picture(open_file(name), where, max_pixels=max_pixels) as picture:
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            return _plain(picture, where)


def _plain(picture, where):
    """The picture as mode "L" or "RGB", where that loses nothing."""
    if picture.has_transparency_data:
        if picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            raise InputError(
                f"{where} is partly transparent. Put it on a background first."
            )
        return picture.convert("L" if picture.mode == "LA" else "RGB")
    modes = {"L": "L", "RGB": "RGB", "1": "L", "P": "RGB"}
    if picture.mode not in modes:
        raise InputError(
            f"{where} has Pillow's mode {picture.mode!r}; 8-bit grey and RGB can be "
            "read. Convert it first."
        )
    return picture.convert(modes[picture.mode])
