"""Which frames a stream shows, when, and where decoding can begin."""

from typing import NamedTuple

import numpy as np


class FrameIndex(NamedTuple):
    """The frames of a stream in the order they are shown.

    Attributes:
        stamps: int64 `[N]`, the time stamp of each frame, increasing.
        keys: int64 `[K]`, those of the frames where decoding can begin.
        is_counted: whether the frames have no time stamps to be found by; `stamps`
            then are their numbers, and reading begins with the first frame.
    """

    stamps: np.ndarray
    keys: np.ndarray
    is_counted: bool


def index_packets(container, stream) -> FrameIndex | None:
    """Reads a stream's packets and decodes none.

    Returns:
        `FrameIndex`, or `None` if the packets do not tell the order of the frames.
    """
    found = [
        (packet.pts, packet.is_keyframe)
        for packet in container.demux(stream)
        if packet.size and not packet.is_discard
    ]
    stamps = [stamp for stamp, _ in found]
    if None in stamps or len(set(stamps)) < len(stamps):
        return None
    if _hides_reordering(container, stream) and stamps == sorted(stamps):
        return None
    keys = [stamp for stamp, is_key in found if is_key]
    return FrameIndex(
        np.array(sorted(stamps), np.int64), np.array(sorted(keys), np.int64), False
    )


def index_frames(container, stream) -> FrameIndex:
    """Decodes a whole stream, where its packets do not tell the frames."""
    found = [(frame.pts, frame.key_frame) for frame in container.decode(stream)]
    stamps = [stamp for stamp, _ in found]
    if None in stamps or any(a >= b for a, b in zip(stamps, stamps[1:], strict=False)):
        numbers = np.arange(len(stamps), dtype=np.int64)
        return FrameIndex(numbers, numbers[:1], True)
    keys = [stamp for stamp, is_key in found if is_key]
    return FrameIndex(np.array(stamps, np.int64), np.array(keys, np.int64), False)


def _hides_reordering(container, stream):
    # AVI stores no time of display. FFmpeg's parser finds it for MPEG-4 pictures, and
    # gives those of H.264 the order of decoding.
    return "avi" in container.format.name and stream.codec_context.name != "mpeg4"
