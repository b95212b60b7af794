"""How many bytes a container says it has: what shows a file that was cut off."""

_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")


def declared_size(file) -> int | None:
    """The size that an mp4, mov, avi, mkv or webm declares by its outermost parts.

    Args:
        file: binary file, at any position.

    Returns:
        bytes, more than the file has where its end is missing; `None` for other
        formats, and for streams that were written without a size.

    Reference: ISO/IEC 14496-12, section 4.2 (boxes); RFC 8794 (EBML), sections 4 and 5.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] == _EBML:
        return _segment_end(file)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if size else None
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _boxes_end(file)
    return None


def _boxes_end(file):
    end = 0
    while True:
        file.seek(end)
        head = file.read(16)
        if len(head) < 8:
            return end + len(head)
        size = int.from_bytes(head[:4], "big")
        if size == 1:  # the size follows, in 64 bits
            size = int.from_bytes(head[8:], "big")
        if size < 8:  # 0 reaches to the end; less is no box
            return None
        end += size


def _segment_end(file):
    end = 0
    while True:
        file.seek(end)
        head = file.read(12)
        # Leading zeros of its first byte tell the length of the number that follows.
        length = 9 - head[4].bit_length() if len(head) > 4 else 9
        if length > 8:
            return None
        size = int.from_bytes(head[4 : 4 + length], "big") - (1 << 7 * length)
        if size == (1 << 7 * length) - 1:  # all ones: unknown
            return None
        end += 4 + length + size
        if head[:4] == _SEGMENT:
            return end
        if head[:4] != _EBML and end > 1 << 16:
            return None
