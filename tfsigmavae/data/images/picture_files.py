"""Picture files in a folder or a zip: their names, splits and pixels."""

import contextlib
import hashlib
import io
import os
import pathlib
import zipfile

from PIL import Image, ImageOps

from tfsigmavae.data.images.stacking import stack_in_threads

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


def picture_names(path) -> list:
    """Names, relative to `path`, of all pictures in a folder or a zip.

    They are sorted by their SHA-256: the first ones are a fair sample also where every
    class has a folder. Hidden files and folders, and those that macOS adds to a zip,
    are left out.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        names = [
            (pathlib.Path(folder) / file).relative_to(path).as_posix()
            for folder, _, files in os.walk(path, followlinks=True)
            for file in files
            if file.lower().endswith(SUFFIXES)
        ]
    else:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    return sorted(filter(_is_picture, names), key=_digest)


def load_pictures(path, names, transform, progress=None):
    """Reads, decodes and transforms the named pictures: uint8 `[N, H, W, C]`."""
    path = pathlib.Path(path)
    with _opened(path) as read:

        def make(name):
            where = f"'{name}' of '{path}'"
            return transform(_decode(read, name, where), where)

        return stack_in_threads(make, names, progress)


def names_of_split(names, split: str, test_share: float, path) -> list:
    """The pictures of a split: the split's own folder, or a share held out by name."""
    parts = [name.split("/") for name in names]
    depth = len(os.path.commonprefix([part[:-1] for part in parts]))
    folders = {part[depth] for part in parts if len(part) > depth + 1}
    train = {folder for folder in folders if folder.lower() in _TRAIN_FOLDERS}
    held_out = {folder for folder in folders if folder.lower() in _HELD_OUT_FOLDERS}
    if not held_out:  # a folder "train" alone may hold pictures of trains
        return hold_out(names, split, test_share, path)
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
    return [
        name for name, part in zip(names, parts, strict=True) if part[depth] in wanted
    ]


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


@contextlib.contextmanager
def _opened(path):
    """Gives a function name -> bytes."""
    if path.is_dir():
        yield lambda name: (path / name).read_bytes()
    else:
        with zipfile.ZipFile(path) as archive:
            yield archive.read


def _decode(read, name, where):
    try:
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(read(name))))
        picture.load()
    # What Pillow raises for broken files, by format, and zipfile for broken members.
    except (OSError, SyntaxError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{where} cannot be decoded: {error}. Copy it again, or remove it."
        ) from error
    return _plain(picture, where)


def _plain(picture, where):
    """The picture as mode "L" or "RGB", where that loses nothing."""
    if picture.has_transparency_data:
        if picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
            raise ValueError(
                f"{where} is partly transparent. Put it on a background first."
            )
        return picture.convert("L" if picture.mode == "LA" else "RGB")
    modes = {"L": "L", "RGB": "RGB", "1": "L", "P": "RGB"}
    if picture.mode not in modes:
        raise ValueError(
            f"{where} has Pillow's mode {picture.mode!r}; 8-bit grey and RGB can be "
            "read. Convert it first."
        )
    return picture.convert(modes[picture.mode])
