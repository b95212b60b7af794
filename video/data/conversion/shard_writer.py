"""Reads the pieces of a shard and writes its file."""

import itertools
import math
import os

import numpy as np
import tensorflow as tf

from tfsigmavae.files import whole
from tfsigmavae.graphs import compiled
from tfsigmavae_video.data.clip_source import ArrayClipSource
from tfsigmavae_video.data.softmotion import write_file

# Pieces that follow one another in a clip are read at once, up to so many bytes: a
# video is decoded on and on, instead of from a keyframe for each piece.
_BLOCK_BYTES = 1 << 24
# How sources say that a clip is damaged. A disk that is gone is an `OSError`, which
# ends the conversion: the clips may be good.
_DAMAGE = (ValueError, tf.errors.InvalidArgumentError)


class Stopped(Exception):
    """The conversion is to end before its work is done."""


class ShardWriter:
    """Writes shards of one split, from several threads at once.

    Args:
        plan: `SplitPlan`.
        count: function of an int, called when so many pieces have been read.
        is_stopped: function, whether to end; asked before each reading.

    Call arguments:
        shard: `Shard`.
        path: file to write, whole or not at all; none where no piece can be read.

    Returns:
        dict, number of a clip -> [reason, how many of its pieces cannot be read].

    Raises:
        Stopped: if `is_stopped`.
    """

    def __init__(self, plan, count, is_stopped):
        self._plan, self._count, self._is_stopped = plan, count, is_stopped
        self._read = _reader(plan.source)
        shape, _ = plan.source.fields["frames"]
        piece_bytes = math.prod(shape) * plan.num_frames
        self._block_size = max(1, _BLOCK_BYTES // piece_bytes)

    def __call__(self, shard, path):
        bad = {}
        clips = self._clips(shard, bad)
        if (first := next(clips, None)) is not None:
            with whole(path) as partial:
                write_file(partial, itertools.chain([first], clips))
                _flush(partial)
        return bad

    def _clips(self, shard, bad):
        """Clips of a shard in order; those that cannot be read are added to `bad`."""
        by_clip = itertools.groupby(shard.pieces.tolist(), key=lambda piece: piece[0])
        for number, pieces in by_clip:
            starts = [start for _, start in pieces]
            for first in range(0, len(starts), self._block_size):
                block = starts[first : first + self._block_size]
                yield from self._block(number, block, bad)
                self._count(len(block))

    def _block(self, number, starts, bad):
        """The pieces of a clip that begin at `starts`, read at once if possible."""
        num_frames = self._plan.num_frames
        if self._is_stopped():
            raise Stopped
        try:
            clip = self._read(number, starts[0], len(starts) * num_frames)
        except _DAMAGE as error:
            if len(starts) == 1:
                reason, times = bad.get(number, (_reason(error), 0))
                bad[number] = [reason, times + 1]
                return
            for start in starts:  # the others may be good
                yield from self._block(number, [start], bad)
            return
        for first in range(0, len(starts) * num_frames, num_frames):
            window = slice(first, first + num_frames)
            yield {field: value[window] for field, value in clip.items()}


def _reader(source):
    """(number, start, num_frames) -> dict of arrays."""
    if isinstance(source, ArrayClipSource):
        return lambda *chosen: _checked(source, source.read_arrays(*chosen), chosen[-1])
    # Traced once for each number of frames.
    read = compiled(source.__call__)

    def arrays(number, start, num_frames):
        number, start = tf.constant(number, tf.int64), tf.constant(start, tf.int32)
        clip = read(number, start, num_frames)
        return {field: value.numpy() for field, value in clip.items()}

    return arrays


def _checked(source, clip, num_frames):
    """Arrays as `fields` tell them; a call of the source would check them too."""
    clip = {field: np.asarray(clip[field]) for field in source.fields}
    for field, (shape, dtype) in source.fields.items():
        value, wanted = clip[field], (num_frames, *shape)
        if value.shape != wanted or value.dtype != dtype.as_numpy_dtype:
            raise ValueError(
                f"gives {field} of shape {value.shape} {value.dtype}, not {wanted} "
                f"{dtype.name}"
            )
    return clip


def _reason(error):
    """What went wrong, in one line."""
    text = str(error)
    if isinstance(error, tf.errors.OpError):  # behind the lines of code that led there
        text = error.message.rpartition("\n\n")[2]
    line = text.strip().partition("\n")[0]
    return line.removeprefix("assertion failed: [").removesuffix("]")


def _flush(path):
    """On the disk before anybody notes that it is there."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())
