"""What a conversion is going to write: which frames, in which order, in which file.

A plan is a function of the source and the options alone. Whoever carries it out, in
whatever order and however often interrupted, writes the same files.
"""

import dataclasses
import hashlib
import json
import math

import numpy as np

from tfsigmavae_video.data.softmotion import shard_name

# Files as large as BAIR's, but enough of them for all cores; in small data sets not so
# small that each begins with a search for its place in a video.
_LARGEST_SHARD, _SMALLEST_SHARD, _ENOUGH_SHARDS = 256, 16, 64


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file to write.

    Attributes:
        split: "train" or "test".
        first: number of its first piece in the split.
        pieces: `[num_pieces, 2]` int64 array, number of a clip and first frame of each.
    """

    split: str
    first: int
    pieces: np.ndarray

    @property
    def name(self) -> str:
        return shard_name(self.first, self.first + len(self.pieces) - 1)


class SplitPlan:
    """The pieces of one split: each clip cut from its first frame on, without overlap.

    Args:
        split: "train" or "test".
        source: `ClipSource`.
        num_frames: frames of a piece.

    Attributes:
        shards: list of `Shard`.
        num_pieces: how many pieces there are.
        skipped: dict, name -> reason, of what the source left out and of short clips.
        fps: frames per second, the median of the clips that have pieces, or `None`
            where the data do not tell.
        num_rest_frames: frames at the ends of clips that do not fill a piece.

    Raises:
        ValueError: if no clip has `num_frames`, or the source has fields that records
            do not hold.
    """

    def __init__(self, split, source, num_frames):
        self.split, self.source, self.num_frames = split, source, num_frames
        _check_fields(source)
        lengths = source.num_frames
        counts = lengths // num_frames
        if not counts.any():
            raise ValueError(
                f"`num_frames` {num_frames} is more than the {lengths.max()} frames of "
                f"the longest clip of '{source.name}' ({split}). Ask for fewer."
            )
        self.num_pieces = int(counts.sum())
        self.num_rest_frames = int((lengths % num_frames)[counts > 0].sum())
        self.skipped = dict(getattr(source, "skipped", {})) | {
            self.clip_name(number): f"has {lengths[number]} frames of {num_frames}"
            for number in np.flatnonzero(counts == 0)
        }
        self.fps = _rate(source.fps, counts > 0)
        self.shards = _shards(split, _pieces(counts, num_frames))

    def clip_name(self, number) -> str:
        names = getattr(self.source, "clip_names", None)
        return names[number] if names else f"clip {number}"

    @property
    def num_bytes(self) -> int:
        """About how large the files are: both cameras of all pieces."""
        shape, _ = self.source.fields["frames"]
        return 2 * math.prod(shape) * self.num_frames * self.num_pieces

    def origin(self) -> dict:
        """What the split is made from, as digests of the source's fingerprint."""
        return {key: _digest(value) for key, value in self.source.fingerprint().items()}


def _check_fields(source):
    """Records hold frames, actions and positions."""
    foreign = source.fields.keys() - {"frames", "actions", "positions"}
    ranks = [len(shape) for field, (shape, _) in source.fields.items()]
    frames = source.fields["frames"][1].name
    if foreign or frames != "uint8" or ranks[1:] != [1] * (len(ranks) - 1):
        fields = {field: [*shape] for field, (shape, _) in source.fields.items()}
        raise ValueError(
            'Records hold "frames" (uint8), "actions" [A] and "positions" [P] of each '
            f"frame, but '{source.name}' has {fields} with {frames} frames."
        )


def _rate(fps, is_taken):
    known = [] if fps is None else np.asarray(fps)[is_taken]
    known = [rate for rate in known if np.isfinite(rate)]
    return float(np.median(known)) if known else None


def _pieces(counts, num_frames):
    numbers = np.repeat(np.arange(len(counts)), counts)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    starts = (np.arange(len(numbers)) - firsts) * num_frames
    return np.stack([numbers, starts], 1)


def _shards(split, pieces):
    size = math.ceil(len(pieces) / _ENOUGH_SHARDS)
    size = min(max(size, _SMALLEST_SHARD), _LARGEST_SHARD)
    firsts = range(0, len(pieces), size)
    return [Shard(split, first, pieces[first : first + size]) for first in firsts]


def _digest(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
