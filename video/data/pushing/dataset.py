"""The embedded data set: a robot arm pushes objects about, made in seconds.

Every episode has its own table, light, objects and arm. The hand changes its mind at
random, so the first frames do not tell the rest: a small stand-in for BAIR, in the
same file format, that needs no download.
"""

import contextlib
import pathlib
import sys
from collections.abc import Iterator

import numpy as np
import pymunk

from tfsigmavae.checks import check_at_least
from tfsigmavae.files import read_json, whole, write_json
from tfsigmavae.typing import PathLike
from tfsigmavae.version import __version__
from tfsigmavae_video.data.pushing.drawing import Painter
from tfsigmavae_video.data.pushing.scene import TABLE_SIZE, Scene
from tfsigmavae_video.data.softmotion import SPLITS, Split, check_split, write_files

_MANIFEST = "pushing.json"
# Raised whenever the same arguments give other pictures than before.
_REVISION = 1


def write(
    root: PathLike,
    num_train: int = 1000,
    num_test: int = 64,
    seed: int = 0,
    num_frames: int = 30,
    frame_size: int = 64,
    num_objects: tuple = (4, 7),
    progress: bool | None = None,
) -> pathlib.Path:
    """Writes a pushing data set, to be read by `bair.clips(root)`.

    Camera `image_aux1` is the picture; `image_main` is the same table seen from the
    opposite side, that is the picture turned by 180 degrees. Where `root` holds the
    data set of the same arguments already, it is kept and nothing is written.

    Args:
        root: folder for the data set, new or empty.
        num_train: clips in `root/train`.
        num_test: clips in `root/test`; other episodes than those of `train`.
        seed: int >= 0. The same seed gives the same files.
        num_frames: frames in a clip.
        frame_size: height and width of a frame in pixels.
        num_objects: (least, most) number of objects on the table, 1 to 9.
        progress: whether to count the clips on stderr. By default, if it is a terminal.

    Returns:
        `root` as a `pathlib.Path`.

    Raises:
        FileExistsError: if `root` holds anything else.
        ValueError: on an argument out of its range.
    """
    check_at_least("num_train", num_train, 1)
    check_at_least("num_test", num_test, 1)
    _check_arguments(seed, num_frames, frame_size, num_objects)
    arguments = {
        "num_train": int(num_train),
        "num_test": int(num_test),
        "seed": int(seed),
        "num_frames": int(num_frames),
        "frame_size": int(frame_size),
        "num_objects": [int(number) for number in num_objects],
        "revision": _REVISION,
    }
    root = pathlib.Path(root)
    if _holds_the_same(root, arguments):
        if progress is not False:
            print(f"Using the data set that '{root}' holds.", file=sys.stderr)
        return root
    if progress is not False:
        print(f"Writing {num_train + num_test} clips to '{root}' ...", file=sys.stderr)
    if progress is None:
        progress = sys.stderr.isatty()
    options = (seed, num_frames, frame_size, num_objects)
    _write_splits(root, (num_train, num_test), options, progress)
    # Last, so that a folder with a manifest is complete.
    versions = {"tfsigmavae": __version__, "pymunk": pymunk.version}
    write_json(root / _MANIFEST, {"arguments": arguments, "versions": versions})
    return root


def episodes(
    num: int,
    seed: int = 0,
    split: Split = "train",
    num_frames: int = 30,
    frame_size: int = 64,
    num_objects: tuple = (4, 7),
) -> Iterator[dict]:
    """Yields pushing clips one by one, the same that `write` stores.

    Episode `i` depends on `seed`, `split` and `i` only, not on `num`.

    Args:
        num: how many clips.
        seed: int >= 0.
        split: "train" or "test"; the two have no episode in common.
        num_frames: frames in a clip.
        frame_size: height and width of a frame in pixels.
        num_objects: (least, most) number of objects on the table, 1 to 9.

    Yields:
        dict of "frames" `[num_frames, frame_size, frame_size, 3]` uint8, "positions"
        `[num_frames, 3]` and "actions" `[num_frames, 4]`, float32. A position is
        (x, y, 0) of the hand in table widths, x to the right and y down from the upper
        left corner. An action is (dx, dy, 0, 0), the hand's way to the next frame.
    """
    check_at_least("num", num, 0)
    check_split(split)
    _check_arguments(seed, num_frames, frame_size, num_objects)
    for number in range(num):
        rng = np.random.default_rng([seed, SPLITS.index(split), number])
        scene = Scene(rng, num_objects)
        yield _episode(
            scene, Painter(rng, len(scene.items), frame_size), num_frames, frame_size
        )


def _episode(scene, painter, num_frames, frame_size):
    frames = np.empty([num_frames, frame_size, frame_size, 3], np.uint8)
    actions = np.zeros([num_frames, 4], np.float32)
    positions = np.zeros([num_frames, 3], np.float32)
    for time in range(num_frames):
        frames[time] = painter.draw(scene)
        positions[time, :2] = scene.hand
        actions[time, :2] = scene.step()
    return {
        "frames": frames,
        "actions": actions / np.float32(TABLE_SIZE),
        "positions": positions / np.float32(TABLE_SIZE),
    }


def _write_splits(root, numbers, options, progress):
    """Both splits or, after an error, neither."""
    with contextlib.ExitStack() as stack:
        for split, number in zip(SPLITS, numbers, strict=True):
            partial = stack.enter_context(whole(root / split))
            made = episodes(number, options[0], split, *options[1:])
            made = _counted(made, split, number) if progress else made
            write_files(partial, map(_with_second_view, made))


def _with_second_view(episode):
    return {**episode, "second_view": episode["frames"][:, ::-1, ::-1]}


def _counted(clips, split, number):
    for done, clip in enumerate(clips, start=1):
        yield clip
        if done % 10 == 0 or done == number:
            end = "\n" if done == number else ""
            print(f"\r{split}: {done}/{number} clips", end=end, file=sys.stderr)


def _holds_the_same(root, arguments):
    """Whether `root` is this very data set; an error where it holds anything else."""
    if root.exists() and not root.is_dir():
        raise FileExistsError(f"`root` must be a folder, but '{root}' is a file.")
    present = {entry.name for entry in root.iterdir()} if root.exists() else set()
    if _MANIFEST in present:
        found = read_json(root / _MANIFEST)["arguments"]
        if found == arguments:
            return True
        raise FileExistsError(
            f"'{root}' holds a pushing data set made with {found}, but {arguments} is "
            "asked for. Choose another `root`, or remove this one."
        )
    # What a killed run has left is replaced.
    present = {name for name in present if not name.startswith(".partial.")}
    if present:
        raise FileExistsError(
            f"'{root}' holds other files ({sorted(present)[:4]}) and no complete "
            "pushing data set. Choose a new or empty `root`, or remove this one."
        )
    return False


def _check_arguments(seed, num_frames, frame_size, num_objects):
    check_at_least("seed", seed, 0)
    check_at_least("num_frames", num_frames, 1)
    check_at_least("frame_size", frame_size, 16)
    least, most = num_objects
    if not 1 <= least <= most <= 9:
        raise ValueError(
            f"`num_objects` must be (least, most) within 1 to 9, got {num_objects}."
        )
