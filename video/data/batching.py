"""Batches of clips from any source: order, windows, cache and exact resume.

The batches are a function of the step: with `shuffle=True, repeat=True`, batch `s`
depends on `seed` and `s` only, so `start_step=k` resumes a run at batch `k` exactly.
"""

import os
from typing import Literal, TypeAlias, get_args

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.data.passes import pass_batches, pass_key, pass_order
from tfsigmavae.graphs import as_written
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.data.decoded_clips import check_cache, decoded_clips

Windows: TypeAlias = Literal["first", "random", "last"]
WINDOWS = get_args(Windows)


def batches(
    source: ClipSource,
    num_frames: int,
    batch_size: int,
    windows: Windows = "first",
    shuffle: bool = False,
    seed: int = 0,
    repeat: bool = False,
    start_step: int = 0,
    drop_remainder: bool = False,
    cache: str | os.PathLike | None = None,
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of clips, of any source.

    With `shuffle`, every pass over the clips is a new permutation, with new random
    windows. With `repeat`, the passes follow one another without a gap and every batch
    is full. Iterating anew starts with the first pass again: without `repeat`, every
    epoch of `fit` has the same windows in the same order, so train with `repeat=True`
    and `fit(..., steps_per_epoch=...)`.

    Args:
        source: `ClipSource`.
        num_frames: frames in a batch's clips, at most those of the shortest one stored.
        batch_size: clips in a batch.
        windows: "first" takes frames 0 to `num_frames - 1`; "random" takes a random
            start for each clip and pass, all that the clip's length allows being
            equally likely; "last" takes the last `num_frames`.
        shuffle: whether to visit the clips in random order.
        seed: int, for `shuffle` and `windows="random"`.
        repeat: whether to go on for ever.
        start_step: number of batches to skip, at no cost.
        drop_remainder: whether to drop a last, smaller batch. Without effect with
            `repeat`.
        cache: where to keep the decoded clips: "memory", for as long as the source or a
            data set that uses them, or a folder, for this run and later ones. It is
            filled by this call and holds `num_frames` "first" frames of each clip, or
            all for other windows. The batches are the same. `None` reads the files
            again in each pass.
        share: (index, count): of each batch only every count-th clip, from `index` on,
            for one of several machines; `batch_size` is that of all together.

    Returns:
        `tf.data.Dataset` of `[B, num_frames, H, W, C]` tensors, uint8. Where the source
        has other fields, of dicts: "frames" as above, others `[B, num_frames, ...]`.

    Raises:
        ValueError: on an argument out of its range, clips that are shorter than
            `num_frames`, or a cache that does not fit or is of other clips.
    """
    check_choice("windows", windows, WINDOWS)
    check_at_least("num_frames", num_frames, 1)
    check_cache(cache)
    _check_lengths(source, num_frames)
    last_starts = source.num_frames - num_frames
    if windows == "first":
        last_starts = np.zeros_like(last_starts)
    order_seed = seed if shuffle else None

    def draw(number):
        order = pass_order(number, len(source), order_seed)
        # A last start belongs to a clip, not to its place in the pass.
        starts = tf.gather(last_starts, order)
        if windows == "random":
            return order, _window_starts(number, starts, seed)
        return order, tf.cast(starts, tf.int32)

    wanted = pass_batches(
        draw, len(source), batch_size, repeat, start_step, drop_remainder, share
    )
    if cache is None:
        clips = _read_batches(wanted, source, num_frames, batch_size // share[1])
    else:
        decoded = decoded_clips(cache, source, last_starts + num_frames)
        clips = _mapped(wanted, lambda *chosen: decoded(*chosen, num_frames))  # pyright: ignore[reportCallIssue]
    if list(source.fields) == ["frames"]:
        clips = clips.map(as_written(lambda clip: clip["frames"]))
    return clips.prefetch(2)


def first_clips(source: ClipSource, num_clips: int, num_frames: int) -> dict:
    """The first clips of a source, to look at or to predict from.

    Args:
        source: `ClipSource`.
        num_clips: how many; fewer where the source has fewer.
        num_frames: frames of each, from the first on; fewer where one of these clips
            has fewer.

    Returns:
        dict of field name -> `[num_clips, num_frames, ...]` tensor, "frames" always.
    """
    check_at_least("num_clips", num_clips, 1)
    check_at_least("num_frames", num_frames, 1)
    num_clips = min(num_clips, len(source))
    num_frames = min(num_frames, int(source.num_frames[:num_clips].min()))
    numbers = tf.data.Dataset.range(num_clips)
    clips = _mapped(numbers, lambda number: source(number, 0, num_frames))
    return clips.batch(num_clips).get_single_element()


def _check_lengths(source, num_frames):
    short = np.flatnonzero(source.num_frames < num_frames)
    if short.size:
        raise ValueError(
            f"`num_frames` must be at most the {source.num_frames[short[0]]} frames "
            f"stored for clip {short[0]} of '{source.name}', got {num_frames}. "
            f"{short.size:,} of {len(source):,} clips are too short: ask for at most "
            f"{source.num_frames.min()} frames, or leave these clips out of the data "
            f"(`load_clips(..., min_frames={num_frames})` does with videos)."
        )


def _window_starts(number, last_starts, seed):
    """Random first frames, each from 0 to its own last start, for pass `number`."""
    # Folded in to keep these draws apart from the permutation's.
    key = tf.random.fold_in(pass_key(number, seed), 1)
    bits = tf.random.stateless_uniform(
        last_starts.shape,
        key,  # pyright: ignore[reportArgumentType]
        minval=None,  # pyright: ignore[reportArgumentType]
        maxval=None,
        dtype=tf.uint32,
    )
    # Bounds of their own need the remainder by hand. It is uniform but for less than
    # num_starts / 2**32 (1e-7 for 400 starts), as `stateless_uniform` itself is.
    starts = tf.cast(bits, tf.int64) % (last_starts + 1)
    return tf.cast(starts, tf.int32)


def _read_batches(wanted, source, num_frames, batch_size):
    """Reads the clips, several at once, that the batches of `wanted` name."""
    clips = _mapped(wanted.unbatch(), lambda *chosen: source(*chosen, num_frames))
    is_full = wanted.element_spec[0].shape[0] is not None
    return clips.batch(batch_size, drop_remainder=is_full).apply(
        tf.data.experimental.assert_cardinality(wanted.cardinality())
    )


def _mapped(dataset, function):
    """Several elements at once, in their order."""
    return dataset.map(as_written(function), tf.data.AUTOTUNE, deterministic=True)
