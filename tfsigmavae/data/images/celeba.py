"""CelebA, aligned and cropped: JPEG files and the list of its three splits."""

import dataclasses
import re

from tfsigmavae.data.images.picture_files import load_pictures, picture_names
from tfsigmavae.inputs import MAX_PIXELS, InputError, explained, read_bytes

# The square around the face that many papers cut out of 178x218 pixels.
CROP = (15, 40, 163, 188)
_NUMBER = {"train": "0", "validation": "1", "test": "2"}
_PICTURES = ("img_align_celeba", "Img/img_align_celeba")
_LISTS = ("list_eval_partition.txt", "list_eval_partition.csv")
FILES = dict.fromkeys(
    _NUMBER, "img_align_celeba/ or img_align_celeba.zip, and list_eval_partition.txt"
)


def find(folder, split):
    """The list of splits and the pictures' folder or zip; `None` unless both exist."""
    pictures = [folder / f"{name}{end}" for name in _PICTURES for end in ("", ".zip")]
    lists = [folder / inner / name for inner in ("", "Eval") for name in _LISTS]
    found = [next(filter(_exists, paths), None) for paths in (lists, pictures)]
    return found if all(found) else None


def read(files, split, transform, progress=None, max_pixels=MAX_PIXELS):
    """`[N, H, W, 3]` uint8, of the size asked for."""
    list_file, pictures = files
    if transform.size is None:
        raise ValueError(
            "`size` must be given for CelebA: its pictures, 178 wide and 218 high, "
            "would take 10 GB and more."
        )
    if transform.crop is None:
        transform = dataclasses.replace(transform, crop=CROP)
    path_of = {name.rpartition("/")[2]: name for name in picture_names(pictures)}
    with explained(f"'{list_file}'", way_out="Download it again."):
        lines = read_bytes(list_file).decode().splitlines()
    entries = [re.split(r"[,\s]+", line.strip()) for line in lines]
    names = [entry[0] for entry in entries if entry[1:] == [_NUMBER[split]]]
    missing = [name for name in names if name not in path_of]
    if missing or not names:
        raise InputError(
            f"'{list_file}' lists {len(names)} pictures of split {split!r}, of which "
            f"{len(missing)} are not in '{pictures}', such as {missing[:1]}."
        )
    paths = [path_of[name] for name in names]
    return load_pictures(pictures, paths, transform, progress, max_pixels)


def _exists(path):
    return path.exists()
