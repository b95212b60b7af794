"""Reads clips from softmotion TFRecords: BAIR robot pushing, and one's own data.

The batches are a function of the step: with `shuffle=True, repeat=True`, batch `s`
depends on `seed` and `s` only, so `start_step=k` resumes a run at batch `k` exactly.
"""

import pathlib
import re
import warnings

import tensorflow as tf

from tfsigmavae_video import softmotion
from tfsigmavae_video.clip_reader import ClipReader
from tfsigmavae_video.record_index import index_records

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

    Returns:
        `tf.data.Dataset` of `[B, num_frames, H, W, C]` uint8 tensors. With actions or
        positions, of dicts: "frames" as above, "actions" `[B, num_frames, 4]` and
        "positions" `[B, num_frames, 3]`, float32.

    Raises:
        FileNotFoundError: if there are no TFRecord files under `root`.
        ValueError: on an argument out of its range, or a file that is truncated or not
            in the softmotion layout. A bad record deeper in a file stops the iteration
            with a `tf.errors.InvalidArgumentError` naming file, record and key.
    """
    _check_choice("camera", camera, softmotion.CAMERAS)
    _check_choice("windows", windows, ("first", "random"))
    softmotion.check_at_least("num_frames", num_frames, 1)
    softmotion.check_at_least("batch_size", batch_size, 1)
    softmotion.check_at_least("start_step", start_step, 0)
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

    def load(element):
        record = _record(element, len(index), seed) if shuffle else element % len(index)
        if windows == "first":
            clip = reader(record, num_frames)
        else:
            start = _window_start(element, num_stored - num_frames, seed)
            clip = _window(reader(record, num_stored), start, num_frames)
        return clip if with_actions or with_positions else clip["frames"]

    elements = _elements(start_step * batch_size, len(index), repeat)
    batches = elements.map(load, tf.data.AUTOTUNE, deterministic=True).batch(
        batch_size, drop_remainder=drop_remainder or repeat
    )
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


def _elements(first, num_records, repeat):
    """Numbers of the clips to give: `element // num_records` is the pass."""
    if repeat:
        return tf.data.Dataset.counter(first)
    return tf.data.Dataset.range(min(first, num_records), num_records)


def _record(element, num_records, seed):
    """Record of an element: each pass is a permutation, computed without memory."""
    return tf.random.experimental.index_shuffle(
        element % num_records,
        seed=tf.stack([tf.cast(seed, tf.int64), element // num_records]),
        max_index=tf.cast(num_records - 1, tf.int64),
    )


def _window_start(element, last_start, seed):
    """Random first frame of an element, from 0 to `last_start`."""
    # The third word keeps these draws apart from the permutation's.
    key = tf.random.fold_in(tf.stack([tf.cast(seed, tf.int64), 1]), element)
    return tf.random.stateless_uniform([], key, maxval=last_start + 1, dtype=tf.int32)


def _window(clip, start, num_frames):
    """Frames `start` to `start + num_frames - 1` of every field."""
    # Parsing only the window's keys needs a branch for each start, and is slower.
    return {
        name: tf.ensure_shape(
            value[start : start + num_frames], [num_frames, *value.shape[1:]]
        )
        for name, value in clip.items()
    }


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"Unknown `{name}` {value!r}. Choose one of: {choices}.")
