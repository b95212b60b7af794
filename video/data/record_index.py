"""Where each record of a set of TFRecord files starts: random access by number."""

import concurrent.futures
import dataclasses
import functools
import pathlib

import numpy as np

from tfsigmavae.inputs import check_regular

# TFRecord framing: uint64 length, uint32 checksum of it, data, uint32 checksum.
_HEADER_SIZE = 12
_FOOTER_SIZE = 4


@dataclasses.dataclass(frozen=True)
class Member:
    """A TFRecord file that lies within another file, such as a tar.

    Args:
        file: path of the file that holds it.
        start: its first byte there.
        size: its bytes.
        name: its own name.
    """

    file: pathlib.Path
    start: int
    size: int
    name: str

    def __str__(self):
        return f"{self.file}:{self.name}"


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Start of every record; record `i` lies in `files[file_numbers[i]]`.

    Args:
        files: list of the names of the files to open.
        names: list of what messages call them, as long.
        file_numbers: `[num_records]` int64 array, which file.
        offsets: `[num_records]` int64 array, first byte of the record's header.
        numbers: `[num_records]` int64 array, the record's number within its file.
    """

    files: list
    names: list
    file_numbers: np.ndarray
    offsets: np.ndarray
    numbers: np.ndarray

    def __len__(self):
        return len(self.offsets)


def index_records(files) -> RecordIndex:
    """Finds every record by reading the 12-byte headers only.

    The checksum of each header is checked here, that of the data when it is read.

    Args:
        files: list of uncompressed TFRecord files in the wanted order, each a path or a
            `Member`.

    Returns:
        `RecordIndex`.

    Raises:
        ValueError: if a file is not an uncompressed TFRecord file, or ends in the
            middle of a record (the message names the file and the record number), or
            if there are no records at all.
    """
    members = [file if isinstance(file, Member) else _whole(file) for file in files]
    names = [str(file) for file in files]
    # Seeks on a network disk wait for the server, so several files go at once.
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        offsets = list(pool.map(_offsets, members, names))
    counts = [len(file_offsets) for file_offsets in offsets]
    if not any(counts):
        raise ValueError(f"There are no records in '{names[0]}' ({len(names)} files).")
    return RecordIndex(
        files=[str(member.file) for member in members],
        names=names,
        file_numbers=np.repeat(np.arange(len(files)), counts),
        offsets=np.concatenate(offsets),
        numbers=np.concatenate([np.arange(count) for count in counts]),
    )


def _whole(file):
    return Member(file, 0, check_regular(file).st_size, str(file))


def _offsets(member, name):
    """Where the records begin, counted from the first byte of the file to open."""
    position, stop = member.start, member.start + member.size
    offsets, headers = [], []
    with open(member.file, "rb", buffering=0) as stream:
        while position < stop:
            stream.seek(position)
            header = stream.read(min(_HEADER_SIZE, stop - position))
            length = int.from_bytes(header[:8], "little")
            end = position + _HEADER_SIZE + length + _FOOTER_SIZE
            if len(header) == _HEADER_SIZE:
                headers.append(header)
            if end > stop:
                break
            offsets.append(position)
            position = end
    _check_headers(name, headers)
    if position < stop:
        raise ValueError(
            f"Record {len(offsets)} of '{name}' is truncated: the file has "
            f"{member.size} bytes and the record needs {end - member.start}. Copy or "
            "download the file again."
        )
    return np.asarray(offsets, np.int64)


def _check_headers(name, headers):
    table = np.frombuffer(b"".join(headers), np.uint8).reshape([-1, _HEADER_SIZE])
    stored = table[:, 8:].copy().view("<u4")[:, 0]
    bad = np.flatnonzero(_masked_crc32c(table[:, :8]) != stored)
    if bad.size:
        raise ValueError(
            f"Record {bad[0]} of '{name}' has a corrupt header. The file must be an "
            "uncompressed TFRecord file; copy or download it again."
        )


def _masked_crc32c(rows):
    """TFRecord checksum of each row of a `[N, L]` uint8 array."""
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in rows.T:
        crc = _crc_table()[(crc ^ column) & 0xFF] ^ (crc >> np.uint32(8))
    crc = ~crc
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return rotated + np.uint32(0xA282EAD8)  # the mask, modulo 2**32


@functools.cache
def _crc_table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        # 0x82F63B78: the Castagnoli polynomial, bits reversed.
        table = (table >> np.uint32(1)) ^ ((table & 1) * np.uint32(0x82F63B78))
    return table
