"""The softmotion TFRecord layout of BAIR robot pushing: names, and a writer.

One record is one clip, a `tf.train.Example` with four features for each frame `t`:

    {t}/image_aux1/encoded   H * W * C raw uint8 bytes, the view everybody trains on
    {t}/image_main/encoded   the same from a second camera
    {t}/action               4 floats, drives frame t to frame t + 1
    {t}/endeffector_pos      3 floats

Clips of your own may have frames of any size and channels, and any number of floats in
an action and a position: the same in all records of a data set.
The files are `root/train/traj_A_to_B.tfrecords` and `root/test/...`, clips A to B.
"""

import errno
import itertools
import os
import pathlib
import re
from collections.abc import Iterable
from typing import Literal, TypeAlias, get_args

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.files import whole
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.record_tar import find_members, is_tar

Split: TypeAlias = Literal["train", "test"]
SPLITS = get_args(Split)
DATASET = "dataset.json"  # beside the splits: what `convert_clips` made them from
Camera: TypeAlias = Literal["image_aux1", "image_main"]
CAMERAS = get_args(Camera)
# Numbers in an action and a position, where a clip of one's own comes without.
_FLOAT_SIZES = {"actions": 4, "positions": 3}
_ARCHIVE = "bair_robot_pushing_dataset_v0.tar"
_ARCHIVE_FOLDER = "softmotion30_44k"


def frame_key(time: int, camera: str) -> str:
    """Name of the feature that holds frame `time` of a camera."""
    return f"{time}/{camera}/encoded"


def action_key(time: int) -> str:
    """Name of the feature that holds the action between `time` and `time + 1`."""
    return f"{time}/action"


def position_key(time: int) -> str:
    """Name of the feature that holds the end-effector position at `time`."""
    return f"{time}/endeffector_pos"


def write_shards(
    root: PathLike, split: Split, episodes: Iterable, shard_size: int = 256
) -> int:
    """Writes clips of your own so that `bair.clips(root, split)` reads them.

    Clips are taken from `episodes` one at a time, so a generator of any length uses
    the memory of one clip. The folder `root/split` appears when the last clip is
    written; after an error nothing is left.

    `frames` become camera `image_aux1`, `second_view` becomes `image_main`. Other
    readers of this layout insist on both cameras (and on 64 x 64 x 3 pixels, 30 frames,
    4 numbers an action and 3 a position), so a clip without a second view gets a copy
    of `frames` as `image_main`, and zeros where actions or positions are missing.

    Args:
        root: the data set's folder; made where it is missing.
        split: "train" or "test".
        episodes: iterable of clips, all of the first one's shape. A clip is a
            `[T, H, W, C]` uint8 array, or a dict with such an array as "frames" and,
            each optional, "second_view" (uint8, same shape), "actions" (`[T, A]`
            floats) and "positions" (`[T, P]` floats). The first clip decides A and P;
            where it has none they are zeros, and A is 4, P is 3.
        shard_size: clips in a file.

    Returns:
        The number of clips written.

    Raises:
        ValueError: on an unknown split, no clips, or a clip of another shape or type.
        FileExistsError: if `root/split` exists; nothing is ever overwritten.

    Example:
        >>> import numpy as np
        >>> from tfsigmavae.video import write_shards
        >>> clips = (np.zeros([8, 16, 16, 3], "uint8") for _ in range(3))
        >>> write_shards("my_clips", "train", clips)
        3
    """
    check_split(split)
    check_at_least("shard_size", shard_size, 1)
    folder = pathlib.Path(root) / split
    if folder.exists():
        raise FileExistsError(
            f"'{folder}' exists and would be overwritten. Remove it, or choose "
            "another `root`."
        )
    with whole(folder) as partial:
        return write_files(partial, episodes, shard_size)


def write_files(folder, episodes, shard_size=256) -> int:
    """Writes the files of one split; arguments and result are `write_shards`'.

    Args:
        folder: of the files, which it makes. After an error some may be there.
    """
    folder.mkdir()
    clips = _checked_clips(episodes)
    num_clips = 0
    while shard := list(itertools.islice(clips, 1)):
        shard = itertools.chain(shard, itertools.islice(clips, shard_size - 1))
        partial = folder / "shard"
        last = num_clips + _write_records(partial, shard) - 1
        partial.rename(folder / shard_name(num_clips, last))
        num_clips = last + 1
    if num_clips == 0:
        raise ValueError("`episodes` must hold at least one clip, got none.")
    return num_clips


def write_file(path, episodes) -> int:
    """Writes one file of clips, not atomically; returns how many, none maybe.

    Args:
        path: of the file, replaced where it exists.
        episodes: as for `write_shards`.
    """
    return _write_records(path, _checked_clips(episodes))


def shard_name(first: int, last: int) -> str:
    """Name of the file of clips `first` to `last`."""
    return f"traj_{first}_to_{last}.tfrecords"


def _write_records(path, clips):
    num_clips = 0
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for clip in clips:
                writer.write(_serialize(clip))
                num_clips += 1
    except tf.errors.OpError as error:  # the disk is full, or it may not be written
        is_full = isinstance(error, tf.errors.ResourceExhaustedError)
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from error
    return num_clips


def find_files(root: PathLike, split: Split = "train") -> list:
    """The TFRecord files of a split, in the order of the numbers in their names.

    Args:
        root: as for `bair.clips`.
        split: "train" or "test"; without effect where `root` is one record file.

    Returns:
        list of paths, or of `Member` where they lie in a tar archive.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: on an unknown split, or a damaged archive.
    """
    check_split(split)
    root = pathlib.Path(root)
    if is_record_file(root):
        return [root]
    if root.is_file():
        return sorted(find_members(root, split), key=_natural_order)
    if (root / _ARCHIVE_FOLDER / split).is_dir():
        root = root / _ARCHIVE_FOLDER
    elif (root / _ARCHIVE).is_file():
        return find_files(root / _ARCHIVE, split)
    if not (files := _record_files(root / split)):
        raise FileNotFoundError(
            f"No TFRecord files match '{root / split}/*.tfrecords'. `root` must be one "
            "TFRecord file or a folder that holds train/ and test/: the BAIR archive, "
            "extracted or not, or what `pushing.write(root)` makes."
        )
    return sorted(files, key=_natural_order)


def is_record_file(path) -> bool:
    """Whether a path is one file of records, which has no splits."""
    return path.is_file() and not is_tar(path)


def holds_records(path) -> bool:
    """Whether a path looks like records: by names, nothing is opened."""
    if path.is_file():
        return is_tar(path) or ".tfrecord" in path.name  # also a.tfrecord-00000-of-10
    if (path / _ARCHIVE).is_file():
        return True
    roots = (path, path / _ARCHIVE_FOLDER)
    return any(_record_files(root / split) for root in roots for split in SPLITS)


def check_split(split):
    """Raises a `ValueError` unless `split` is "train" or "test"."""
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}. Choose one of: {SPLITS}.")


def _record_files(folder):
    return [*folder.glob("*.tfrecord"), *folder.glob("*.tfrecords")]


def _natural_order(file):
    """Sort key that puts traj_256_to_511 before traj_1024_to_1279."""
    parts = re.split(r"([0-9]+)", file.name)
    return [int(part) if part.isdigit() else part for part in parts]


def _checked_clips(episodes):
    shapes = {}
    for number, episode in enumerate(episodes):
        clip = _checked(number, episode, shapes)
        shapes = {name: value.shape for name, value in clip.items()}
        yield clip


def _checked(number, episode, shapes):
    """A clip of all four fields; `shapes` are those of the first clip, {} for it."""
    clip = dict(episode) if isinstance(episode, dict) else {"frames": episode}
    frames = _frames(number, "frames", clip.get("frames"), shapes.get("frames"))
    second = clip.get("second_view", frames)
    checked = {
        "frames": frames,
        "second_view": _frames(number, "second_view", second, frames.shape),
    }
    for name in _FLOAT_SIZES:
        value, shape = clip.get(name), shapes.get(name)
        checked[name] = _floats(number, name, value, len(frames), shape)
    return checked


def _frames(number, name, value, shape):
    frames = np.asarray(value)
    fits = frames.shape == shape if shape else frames.ndim == 4
    if frames.dtype != np.uint8 or not fits or frames.size == 0:
        wanted = f"of shape {shape}" if shape else "[T, H, W, C]"
        raise ValueError(
            f"`{name}` of clip {number} must be uint8 {wanted}, got {frames.dtype} "
            f"of shape {frames.shape}."
        )
    return frames


def _floats(number, name, value, num_frames, shape):
    if value is None:
        return np.zeros(shape or (num_frames, _FLOAT_SIZES[name]), np.float32)
    floats = np.asarray(value, np.float32)
    fits = floats.ndim == 2 and len(floats) == num_frames and floats.size > 0
    if not (floats.shape == shape if shape else fits):
        wanted = shape or f"({num_frames}, numbers of one frame)"
        raise ValueError(
            f"`{name}` of clip {number} must be floats of shape {wanted}, got shape "
            f"{floats.shape}."
        )
    if not np.isfinite(floats).all():
        bad = np.flatnonzero(~np.isfinite(floats).all(1))[0]
        raise ValueError(
            f"`{name}` of clip {number} must be finite, got {floats[bad].tolist()} at "
            f"frame {bad}."
        )
    return floats


def _serialize(clip):
    features = {}
    for time, frame in enumerate(clip["frames"]):
        second = clip["second_view"][time]
        features[frame_key(time, "image_aux1")] = _bytes_feature(frame)
        features[frame_key(time, "image_main")] = _bytes_feature(second)
        features[action_key(time)] = _float_feature(clip["actions"][time])
        features[position_key(time)] = _float_feature(clip["positions"][time])
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)  # same clips, same bytes


def _bytes_feature(frame):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[frame.tobytes()]))


def _float_feature(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
