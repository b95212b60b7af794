"""Compressed files, unpacked as far as their own size makes likely."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfsigmavae.inputs.errors import InputError, explained
from tfsigmavae.inputs.regular import check_regular, read_bytes
from tfsigmavae.typing import PathLike

# Bytes that anything may unpack to.
MAX_UNPACKED = 2**27
# How many times its own size a larger file may unpack to. Photographs in a zip have 1,
# the digits of MNIST 5, drawings some 50; deflate reaches 1,032.
MAX_RATIO = 100
_CHUNK, _FED = 2**20, 2**18  # bytes of a part, and given to zlib for it
_MOST_JOINED = 4000  # gzip files in one
GZIP, ZLIB = 31, 15  # what zlib calls the two headers


def check_unpacked(
    where: str, unpacked: int, packed: int, way_out: str = "Unpack it by hand."
) -> None:
    """Raises an `InputError` if a file would unpack to more than is allowed.

    Args:
        where: str, the file as the message names it, with quotes.
        unpacked: int, bytes that it says it has, or that came out of it so far.
        packed: int, bytes that it takes.
        way_out: str, a sentence.
    """
    if unpacked > max(MAX_UNPACKED, MAX_RATIO * packed):
        raise InputError(
            f"{where} would unpack from {packed:,} bytes to {unpacked:,} or more, and "
            f"above {MAX_UNPACKED:,} at most {MAX_RATIO} times as many are taken. "
            f"{way_out}"
        )


def read_gzip(path: PathLike, most: int | None = None) -> bytes:
    """Unpacks a `.gz` file.

    Args:
        path: of the file.
        most: int, bytes after which to stop, where more are of no use. Defaults to
            `None`, all.

    Raises:
        InputError: if it is damaged, no regular file, or would unpack to too much.
    """
    parts, length = [], 0
    for part in inflated(f"'{path}'", read_bytes(path), GZIP):
        parts.append(part)
        length += len(part)
        if most is not None and length >= most:
            break
    return b"".join(parts)[:most]


class CheckedZip(zipfile.ZipFile):
    """A zip file to read, that unpacks no member to too much.

    Args:
        path: of the file.
        way_out: str, a sentence for a member that would unpack to too much.

    Raises:
        InputError: if it is no regular file; when a member is opened, if it would
            unpack to too much.
        What `zipfile` raises if it is damaged; see `explained`.
    """

    def __init__(self, path: PathLike, way_out: str = "Unpack it by hand."):
        self._size, self._way_out = check_regular(path).st_size, way_out
        super().__init__(path)

    def open(
        self,
        name: Any,
        mode: Any = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> Any:
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        packed = min(info.compress_size, self._size)
        where = f"'{info.filename}' of '{self.filename}'"
        check_unpacked(where, info.file_size, packed, self._way_out)
        return super().open(info, mode, pwd)


def read_arrays(
    path: PathLike,
    names: Sequence[str] | None = None,
    what: str = "is no NumPy file that can be read",
) -> dict:
    """Arrays of a `.npz` file; none that NumPy would have to run code for.

    Args:
        path: of the file.
        names: list of str, those wanted. Defaults to `None`, all.
        what: see `explained`.

    Returns:
        dict of name -> array.

    Raises:
        InputError: if it is damaged, has no such array, or would unpack to too much.
    """
    store = "Write it without compression (`numpy.savez`)."
    with explained(f"'{path}'", what, "Download or write it again."):
        with CheckedZip(path, store) as archive:
            if names is None:
                members = [n for n in archive.namelist() if n.endswith(".npy")]
                names = [member.removesuffix(".npy") for member in members]
            return {name: _array(archive, f"{name}.npy") for name in names}


def read_array(path: PathLike) -> np.ndarray:
    """The array of a `.npy` file, whose size is compared with that of the file first.

    For a `with` block of `explained`: what NumPy raises is raised as it is.

    Args:
        path: of the file.
    """
    check_regular(path)
    return np.array(np.lib.format.open_memmap(path, mode="r"))


def _array(archive, member):
    with archive.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def inflated(where: str, packed: bytes, header: int = ZLIB) -> Iterator[bytes]:
    """Parts of what is compressed, 1 MiB each at most, checked as they come.

    Args:
        where: str, the file as the message names it, with quotes.
        packed: bytes.
        header: `ZLIB`, or `GZIP`: several of these may be joined.

    Raises:
        InputError: if it is damaged, or would unpack to too much.
    """
    view, place, size = memoryview(packed), 0, 0
    with explained(where, "is broken", "Download it again."):
        for _ in range(_MOST_JOINED):
            stream = zlib.decompressobj(header)
            while not stream.eof:
                rest = stream.unconsumed_tail
                if not rest:
                    rest = view[place : place + _FED]
                    place += len(rest)
                part = stream.decompress(rest, _CHUNK)
                if not part and not len(rest):
                    raise EOFError("its end is missing")
                size += len(part)
                check_unpacked(where, size, len(packed))
                yield part
            place -= len(stream.unused_data)
            # Gzip files may be filled up with zeros; zlib streams end here.
            is_zero = place < len(view) and view[place] == 0
            filled = is_zero and not bytes(view[place:]).strip(b"\0")
            if header != GZIP or place >= len(view) or filled:
                return
        raise ValueError(f"it has more than {_MOST_JOINED:,} parts")
