"""Clips of softmotion TFRecords, BAIR robot pushing and one's own, in one call."""

import os
import warnings

import tensorflow as tf

from tfsigmavae.typing import PathLike
from tfsigmavae_video.data import batching, softmotion
from tfsigmavae_video.data.batching import Windows
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.softmotion import Camera, Split
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource

find_files = softmotion.find_files


def clips(
    root: PathLike,
    split: Split = "train",
    num_frames: int = 12,
    batch_size: int = 16,
    camera: Camera = "image_aux1",
    with_actions: bool = False,
    with_positions: bool = False,
    windows: Windows = "first",
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
            `softmotion30_44k` inside, or BAIR's tar archive (read in place) or the
            folder with it, or one `.tfrecords` file. One record file has no splits:
            "train" and "test" then both give all its clips.
        split: "train" or "test".
        num_frames: frames in a clip, at most the number stored.
        batch_size: clips in a batch.
        camera: "image_aux1", the view of the published results, or "image_main".
        with_actions: whether to give actions; `actions[:, t]` drives frame `t` to
            frame `t + 1`.
        with_positions: whether to give end-effector positions.
        windows: "first" takes frames 0 to `num_frames - 1`, as SVG does; "random"
            takes a random start for each clip and pass; "last" takes the last
            `num_frames`.
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
        positions, of dicts: "frames" as above, "actions" `[B, num_frames, A]` and
        "positions" `[B, num_frames, P]`, float32; A is 4 and P is 3 for BAIR, and what
        the first record holds for clips of one's own.

    Raises:
        FileNotFoundError: if there are no TFRecord files under `root`.
        ValueError: on an argument out of its range, a file that is truncated or not in
            the softmotion layout, or a cache that does not fit or is of other records
            (of other names, sizes or times of change). A bad record deeper in a file
            stops the iteration with a `tf.errors.InvalidArgumentError` naming file,
            record and key, or the making of a cache.

    Example:
        >>> from tfsigmavae.video import bair, pushing
        >>> _ = pushing.write("pushing", num_train=4, num_test=1)
        >>> train = bair.clips("pushing", "train", num_frames=6, batch_size=2)
        >>> next(iter(train)).shape
        TensorShape([2, 6, 64, 64, 3])
    """
    if camera == "image_main":
        warnings.warn(
            "Published results on BAIR use camera 'image_aux1', not 'image_main'.",
            stacklevel=2,
        )
    view = (camera, frame_shape, num_record_frames, with_actions, with_positions)
    source = SoftmotionSource(root, split, *view)
    order = (windows, shuffle, seed, repeat, start_step, drop_remainder)
    return batching.batches(source, num_frames, batch_size, *order, cache)


def num_clips(root: PathLike, split: Split = "train") -> int:
    """Number of clips in a split, from the headers of its files.

    Args:
        root: as for `clips`.
        split: "train" or "test".
    """
    return len(index_records(find_files(root, split)))


def first_clips(
    root: PathLike,
    split: Split = "test",
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
        "actions" `[num_clips, num_frames, A]` float32.
    """
    source = SoftmotionSource(
        root, split, frame_shape=frame_shape, with_actions=with_actions
    )
    return batching.first_clips(source, num_clips, num_frames)


__all__ = [
    "clips",
    "find_files",
    "first_clips",
    "num_clips",
]


def __dir__():
    return list(__all__)
