"""How many bytes a container says it has: what shows a file that was cut off."""

_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
# The outermost boxes of mp4 and mov.
_BOXES = (
    b"ftyp styp pdin moov moof mfra mdat free skip wide pnot uuid meta meco sidx ssix "
    b"prft emsg udta"
).split()
# Bytes of a packet of a transport stream, and where in there its mark is: plain (.ts),
# with a time before each (.m2ts).
_PACKETS, _MARK = ((188, 0), (192, 4)), b"G"


def declared_size(file) -> int | None:
    """The size that a file declares by its outermost parts, where it is a container.

    That is mp4, mov, avi, mkv, webm, and transport streams, which are whole packets.

    Args:
        file: binary file, at any position.

    Returns:
        bytes, more than the file has where its end is missing; `None` for other
        formats, and for streams that were written without a size.

    Reference: ISO/IEC 14496-12, section 4.2 (boxes); RFC 8794 (EBML), sections 4 and 5;
        ISO/IEC 13818-1, section 2.4.3 (transport streams).
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
    found = (_packets_end(file, size, place) for size, place in _PACKETS)
    return next((end for end in found if end), None)


def _boxes_end(file):
    end, seen = 0, set()
    while True:
        file.seek(end)
        head = file.read(16)
        if len(head) < 8:
            return end + len(head)
        seen.add(head[4:8])
        # What was written behind the video, such as a text, is no box.
        if {b"moov", b"mdat"} <= seen and head[4:8] not in _BOXES:
            return end
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


def _packets_end(file, size, place):
    """The end of the last packet; `None` if the file is not of such packets."""
    file.seek(0)
    head = file.read(3 * size)
    if len(head) < 3 * size or head[place::size] != 3 * _MARK:
        return None
    length = file.seek(0, 2)
    file.seek(length // size * size + place)
    is_begun = file.read(1) == _MARK
    return (length // size + is_begun) * size
