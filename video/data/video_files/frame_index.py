"""Which frames a stream shows, when, and where decoding can begin."""

import itertools
from typing import NamedTuple

import numpy as np

# Containers that do not store when a frame is shown, or that may hold two packets for
# one frame. FFmpeg's guess is compared with what these many frames come out as.
_GUESSED = ("asf", "avi", "mpeg", "mpegts", "h264", "hevc", "m4v", "mpegvideo")
_NUM_COMPARED = 48


class FrameIndex(NamedTuple):
    """The frames of a stream in the order they are shown.

    Attributes:
        stamps: int64 `[N]`, the time stamp of each frame, increasing.
        keys: int64 `[K]`, those of the frames where decoding can begin.
        is_counted: whether frames have no time stamps to be found by; `stamps` are then
            their numbers, and decoding begins with the first one.
        is_cut_off: whether the last packet ends too early.
    """

    stamps: np.ndarray
    keys: np.ndarray
    is_counted: bool
    is_cut_off: bool = False


def index_packets(container, stream) -> FrameIndex | None:
    """Reads the packets of a stream and decodes none.

    Returns:
        `FrameIndex`, or `None` if the packets do not tell when frames are shown.
    """
    stamps, keys, is_corrupt = [], [], False
    for packet in container.demux(stream):
        if not packet.size:
            continue
        is_corrupt = packet.is_corrupt
        if packet.is_keyframe:
            keys.append(packet.pts)
        if not packet.is_discard:  # those outside the edit list are never shown
            stamps.append(packet.pts)
    if not keys or None in stamps + keys or len(set(stamps)) < len(stamps):
        return None
    stamps, keys = np.sort(np.array(stamps)), np.sort(np.array(keys))
    # What is shown before the first keyframe refers to frames that are not there.
    return FrameIndex(stamps[stamps >= keys[0]], keys, False, is_corrupt)


def is_as_decoded(index: FrameIndex, container, stream) -> bool:
    """Whether the first frames that are decoded are those of the index."""
    num_compared = 0
    if set(container.format.name.split(",")) & set(_GUESSED):
        num_compared = _NUM_COMPARED
    frames = itertools.islice(container.decode(stream), num_compared)
    stamps = [frame.pts for frame in frames]
    return stamps == index.stamps[: len(stamps)].tolist()


def index_frames(container, stream) -> FrameIndex:
    """Decodes a whole stream, for where its packets do not tell the frames."""
    found = [(frame.pts, frame.key_frame) for frame in container.decode(stream)]
    stamps = [stamp for stamp, _ in found]
    keys = [stamp for stamp, is_key in found if is_key]
    if None in stamps or stamps != sorted(set(stamps)) or not keys:
        numbers = np.arange(len(stamps))
        return FrameIndex(numbers, numbers[:1], True)
    return FrameIndex(np.array(stamps), np.array(keys), False)
