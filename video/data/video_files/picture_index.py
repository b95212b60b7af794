"""How long the frames of animated pictures last, from their headers alone."""

import struct
from typing import NamedTuple

# What browsers take for a duration of 0, and of 10 ms in a GIF.
_NO_DURATION = 100.0


class PictureIndex(NamedTuple):
    """The frames of an animated picture.

    Attributes:
        durations: list of milliseconds, one a frame, each positive.
        first: the number that the first of them has for Pillow, which counts a still
            picture that is not shown.
        has_alpha: whether some frame may be transparent.
    """

    durations: list
    first: int
    has_alpha: bool


def index_picture(file) -> PictureIndex | None:
    """Finds the frames of a GIF, PNG or WebP and decodes none.

    A still picture has one frame. A frame that should last no time is taken to last
    0.1 s, as browsers do.

    Args:
        file: binary file.

    Returns:
        `PictureIndex`, or `None` if it is another format.

    Raises:
        EOFError: if the file ends too early.

    Reference: GIF89a specification; PNG specification, third edition, section 11;
        WebP container specification.
    """
    head = _read(file, 12)
    file.seek(0)
    if head[:4] == b"GIF8":
        return _index_gif(file)
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return _index_png(file)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _index_webp(file)
    return None


def _index_gif(file):
    header = _read(file, 13)
    canvas = header[6:10]
    _skip_palette(file, header[10])
    durations, duration, has_alpha = [], 0.0, False
    while True:
        kind = _read(file, 1)
        if kind == b";":
            break
        if kind == b"!":
            label = _read(file, 1)
            blocks = _sub_blocks(file)
            if label == b"\xf9" and blocks:  # graphic control
                flags, hundredths = struct.unpack_from("<BH", blocks)
                duration = 10.0 * hundredths
                # Later frames are laid on the first, unless one clears its place.
                is_first_transparent = not durations and flags & 1
                is_cleared = flags >> 2 & 7 == 2
                has_alpha = has_alpha or bool(is_first_transparent or is_cleared)
        elif kind == b",":
            place = _read(file, 9)
            # Outside a first frame that does not cover all there is nothing.
            has_alpha = has_alpha or (not durations and place[:8] != bytes(4) + canvas)
            _skip_palette(file, place[8])
            _read(file, 1)
            _sub_blocks(file)
            durations.append(duration if duration > 10.0 else _NO_DURATION)
            duration = 0.0
    return PictureIndex(durations, 0, has_alpha)


def _skip_palette(file, flags):
    if flags & 0x80:
        _read(file, 3 << (flags & 7) + 1)


def _sub_blocks(file):
    found = b""
    while size := _read(file, 1)[0]:
        found += _read(file, size)
    return found


def _index_png(file):
    file.seek(8)
    durations, has_alpha, first, is_animated = [], False, 0, False
    for kind, data in _png_chunks(file):
        if kind == b"IHDR":
            has_alpha = data[9] in (4, 6)
        elif kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL":
            is_animated = True
        elif kind == b"IDAT" and is_animated and not durations:
            first = 1
        elif kind == b"fcTL":
            over, under = struct.unpack_from(">HH", data, 20)
            durations.append(1000.0 * over / (under or 100) or _NO_DURATION)
    if not is_animated:
        return PictureIndex([_NO_DURATION], 0, has_alpha)
    return PictureIndex(durations, first, has_alpha)


def _png_chunks(file):
    kind = None
    while kind != b"IEND":
        size, kind = struct.unpack(">I4s", _read(file, 8))
        yield kind, _read(file, size)
        _read(file, 4)  # the check sum is Pillow's to look at


def _index_webp(file):
    file.seek(12)
    durations, has_alpha = [], False
    for kind, data in _riff_chunks(file):
        if kind == b"VP8X":
            has_alpha = bool(data[0] & 0x10)
        elif kind == b"VP8L" and not durations:
            has_alpha = bool(data[4] & 0x10)
        elif kind == b"ANMF":
            milliseconds = float(int.from_bytes(data[12:15], "little"))
            durations.append(milliseconds or _NO_DURATION)
    return PictureIndex(durations or [_NO_DURATION], 0, has_alpha)


def _riff_chunks(file):
    file.seek(4)
    end = 8 + int.from_bytes(_read(file, 4), "little")
    file.seek(12)
    while file.tell() < end:
        kind, size = struct.unpack("<4sI", _read(file, 8))
        yield kind, _read(file, size)
        _read(file, size % 2)


def _read(file, size):
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data
