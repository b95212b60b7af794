"""Reads clips from softmotion TFRecords: BAIR robot pushing, and one's own data.

The batches are a function of the step: with `shuffle=True, repeat=True`, batch `s`
depends on `seed` and `s` only, so `start_step=k` resumes a run at batch `k` exactly.
"""

import os
import pathlib
import re
import warnings

import tensorflow as tf

from tfsigmavae.data.passes import pass_batches, pass_key, pass_order
from tfsigmavae_video.data import softmotion
from tfsigmavae_video.data.decoded_clips import check_cache, decoded_clips
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.softmotion_reader import ClipReader

_ARCHIVE_FOLDER = "softmotion30_44k"


def clips(
    root,
    split: str = "train",
    num_frames: int = 12,
    batch_size: int = 16,
    camera: str = "image_aux1",
    with_actions: bool = False,
    with_positions: bool = False,
    windows: str = "first",
    shuffle: bool = False,
    seed: int = 0,
    repeat: bool = False,
    start_step: int = 0,
    drop_remainder: bool = False,
    frame_shape: tuple = (64, 64, 3),
    num_record_frames: int | None = None,
    cache: str | os.PathLike | None = None,
) -> tf.data.Dataset:
    """Batches of clips, uint8.

    The usual calls are, with `folder` from `pushing.write` or the extracted archive:

        train = clips(folder, "train", windows="random", shuffle=True, repeat=True)
        test = clips(folder, "test", num_frames=30)

    With `shuffle`, every pass over the clips is a new permutation, with new random
    windows. With `repeat`, the passes follow one another without a gap and every batch
    is full. Iterating anew starts with the first pass again: without `repeat`, every
    epoch of `fit` has the same windows in the same order, so train with `repeat=True`
    and `fit(..., steps_per_epoch=...)`.

    Args:
        root: folder that holds `train/` and `test/`, or the folder with BAIR's
            `softmotion30_44k` inside, or one `.tfrecords` file. One file has no
            splits: "train" and "test" then both give all its clips.
        split: "train" or "test".
        num_frames: frames in a clip, at most the number stored.
        batch_size: clips in a batch.
        camera: "image_aux1", the view of the published results, or "image_main".
        with_actions: whether to give actions; `actions[:, t]` drives frame `t` to
            frame `t + 1`.
        with_positions: whether to give end-effector positions.
        windows: "first" takes frames 0 to `num_frames - 1`, as SVG does; "random"
            takes a random start for each clip and pass.
        shuffle: whether to visit the clips in random order.
        seed: int, for `shuffle` and `windows="random"`.
        repeat: whether to go on for ever.
        start_step: number of batches to skip, at no cost.
        drop_remainder: whether to drop a last, smaller batch. Without effect with
            `repeat`.
        frame_shape: (height, width, channels) of the stored frames.
        num_record_frames: frames stored for each clip. Counted in the first record by
            default.
        cache: where to keep the decoded frames (and actions and positions): "memory",
            or a folder, for this run and later ones. It is filled by this call, once
            for each camera and number of frames: for all of BAIR 16 GB, or 6.4 GB
            where only 12 "first" frames are wanted. The batches are the same. `None`
            reads the records again in each pass.

    Returns:
        `tf.data.Dataset` of `[B, num_frames, H, W, C]` uint8 tensors. With actions or
        positions, of dicts: "frames" as above, "actions" `[B, num_frames, 4]` and
        "positions" `[B, num_frames, 3]`, float32.

    Raises:
        FileNotFoundError: if there are no TFRecord files under `root`.
        ValueError: on an argument out of its range, a file that is truncated or not in
            the softmotion layout, or a cache that does not fit or is of other records
            (of other names, sizes or times of change). A bad record deeper in a file
            stops the iteration with a `tf.errors.InvalidArgumentError` naming file,
            record and key, or the making of a cache.
    """
    _check_choice("camera", camera, softmotion.CAMERAS)
    _check_choice("windows", windows, ("first", "random"))
    softmotion.check_at_least("num_frames", num_frames, 1)
    check_cache(cache)
    if camera == "image_main":
        warnings.warn(
            "Published results on BAIR use camera 'image_aux1', not 'image_main'.",
            stacklevel=2,
        )
    index = index_records(find_files(root, split))
    reader = ClipReader(
        index, camera, frame_shape, num_record_frames, with_actions, with_positions
    )
    num_stored = reader.num_record_frames
    if num_frames > num_stored:
        raise ValueError(
            f"`num_frames` must be at most the {num_stored} frames stored for each "
            f"clip of '{root}', got {num_frames}."
        )

    order_seed = seed if shuffle else None
    last_start = num_stored - num_frames if windows == "random" else 0

    def draw(number):
        order = pass_order(number, len(index), order_seed)
        return order, _window_starts(number, len(index), last_start, seed)

    wanted = pass_batches(
        draw, len(index), batch_size, repeat, start_step, drop_remainder
    )
    if cache is None:
        batches = _read_batches(wanted, reader, num_frames, batch_size)
    else:
        name = split if pathlib.Path(root).is_dir() else pathlib.Path(root).stem
        decoded = decoded_clips(cache, name, reader, last_start + num_frames)
        batches = wanted.map(
            lambda *chosen: decoded(*chosen, num_frames),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
    if not (with_actions or with_positions):
        batches = batches.map(lambda clip: clip["frames"])
    return batches.prefetch(2)


def num_clips(root, split: str = "train") -> int:
    """Number of clips in a split, from the headers of its files.

    Args:
        root: as for `clips`.
        split: "train" or "test".
    """
    return len(index_records(find_files(root, split)))


def first_clips(
    root,
    split: str = "test",
    num_clips: int = 1,
    num_frames: int = 30,
    frame_shape: tuple = (64, 64, 3),
    with_actions: bool = False,
) -> dict:
    """The first clips of a split, to look at or to predict from.

    Args:
        root, split, frame_shape, with_actions: as for `clips`.
        num_clips: how many; fewer where the split has fewer.
        num_frames: frames of each; fewer where the records hold fewer.

    Returns:
        dict of "frames" `[num_clips, num_frames, H, W, C]` uint8 and, if asked for,
        "actions" `[num_clips, num_frames, 4]` float32.
    """
    softmotion.check_at_least("num_clips", num_clips, 1)
    index = index_records(find_files(root, split))
    stored = ClipReader(index, frame_shape=frame_shape).num_record_frames
    batches = clips(
        root,
        split,
        min(num_frames, stored),
        min(num_clips, len(index)),
        with_actions=with_actions,
        frame_shape=frame_shape,
    )
    batch = next(iter(batches))
    return batch if with_actions else {"frames": batch}


def find_files(root, split: str = "train") -> list:
    """The TFRecord files of a split, in the order of the numbers in their names.

    Args:
        root: as for `clips`.
        split: "train" or "test"; without effect where `root` is one file.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: on an unknown split.
    """
    softmotion.check_split(split)
    root = pathlib.Path(root)
    if root.is_file():
        return [root]
    if (root / _ARCHIVE_FOLDER / split).is_dir():
        root = root / _ARCHIVE_FOLDER
    files = [*(root / split).glob("*.tfrecord"), *(root / split).glob("*.tfrecords")]
    if not files:
        raise FileNotFoundError(
            f"No TFRecord files match '{root / split}/*.tfrecords'. `root` must be one "
            "TFRecord file or a folder that holds train/ and test/: the extracted BAIR "
            "archive, or what `pushing.write(root)` makes."
        )
    return sorted(files, key=_natural_order)


def _natural_order(file):
    """Sort key that puts traj_256_to_511 before traj_1024_to_1279."""
    parts = re.split(r"([0-9]+)", file.name)
    return [int(part) if part.isdigit() else part for part in parts]


def _window_starts(number, num_records, last_start, seed):
    """Random first frames, from 0 to `last_start`, of the clips of pass `number`."""
    # Folded in to keep these draws apart from the permutation's.
    key = tf.random.fold_in(pass_key(number, seed), 1)
    return tf.random.stateless_uniform(
        [num_records], key, maxval=last_start + 1, dtype=tf.int32
    )


def _read_batches(wanted, reader, num_frames, batch_size):
    """Reads the records, several at once, that the batches of `wanted` name."""

    def read(record, start):
        return reader(record, start, num_frames)

    is_full = wanted.element_spec[0].shape[0] is not None
    return (
        wanted.unbatch()
        .map(read, tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size, drop_remainder=is_full)
        .apply(tf.data.experimental.assert_cardinality(wanted.cardinality()))
    )


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"Unknown `{name}` {value!r}. Choose one of: {choices}.")
