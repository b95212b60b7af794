"""Which video is of which split: by its folder, or by a hash of its name."""

import hashlib
import unicodedata

_TRAIN = ("train", "training")
_TEST = ("test", "testing")
_VALIDATION = ("val", "valid", "validation")


def splits_of_folders(folders, path) -> dict:
    """What split each folder is of, where the folders tell.

    They tell where one is called train (or training) and one is called test (or
    testing); without the latter, one called val (or valid, validation) is the test
    split. Capitals do not matter. They may lie anywhere: `train/walk`, `walk/train`,
    `archive/v2/train`; of several such names in one path the outermost counts. Other
    videos may lie beside them, and are of neither split.

    Args:
        folders: dict, name of a video -> list of the folders it lies in.
        path: of them all, for messages.

    Returns:
        dict, name of a video -> "train", "test", or `None` where it is of neither; {}
        where the folders do not tell.

    Raises:
        ValueError: if there are held-out folders and none called train.
    """
    folders = {name: list(map(str.lower, parts)) for name, parts in folders.items()}
    present = set().union(*folders.values())
    held_out = next((names for names in (_TEST, _VALIDATION) if present & {*names}), ())
    if not held_out:  # a folder "train" alone may hold videos of trains
        return {}
    if not present & set(_TRAIN):
        raise ValueError(
            f"'{path}' has the folders {sorted(present & {*held_out})}, which look "
            "like a held-out split, and no folder 'train'. Rename them, or name one as "
            "`data`."
        )
    # Where there is a test split, validation is of neither: "val/train" too.
    split_of = dict.fromkeys(_VALIDATION)
    split_of |= dict.fromkeys(_TRAIN, "train") | dict.fromkeys(held_out, "test")
    return {
        name: next((split_of[part] for part in parts if part in split_of), None)
        for name, parts in folders.items()
    }


def splits_by_hash(names, test_share: float) -> dict:
    """Splits names that have no split of their own, always in the same way.

    A name is of the test split if the hash of it, as a number from 0 to 1, is below
    `test_share`: its place does not depend on the other names. Where that leaves a
    split empty, the name of the lowest hash is the test split, or that of the highest
    the training split. Adding names then makes no training video a test video, but
    for this: the one of the highest hash returns when there are others to train on.

    Args:
        names: at least two.
        test_share: float between 0 and 1.

    Returns:
        dict of name -> "train" or "test".
    """
    order = sorted(names, key=hash_of)
    num_test = sum(hash_of(name) < test_share for name in order)
    num_test = min(max(num_test, 1), len(order) - 1)
    return {
        name: "test" if place < num_test else "train"
        for place, name in enumerate(order)
    }


def hash_of(name: str) -> float:
    """A number from 0 to 1, as good as random, that depends on the name alone."""
    # One name has two spellings: macOS takes accents apart, others do not.
    spelling = unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(spelling).digest()[:8], "big") / 2**64
