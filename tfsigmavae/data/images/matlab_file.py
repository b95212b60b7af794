"""Arrays of numbers in MATLAB's files of version 5, as SVHN's are.

SciPy reads them too, and ends the process on some that are damaged.
"""

import functools
import itertools
import math
import struct

import numpy as np

from tfsigmavae.inputs import inflated, read_bytes

_HEADER_SIZE, _VERSION = 128, 0x100
_MATRIX, _COMPRESSED = 14, 15
# Types of what is stored, and classes of what it is the values of.
_STORED = dict(enumerate("i1 u1 i2 u2 i4 u4 f4 - f8 - - i8 u8".split(), 1))
_CLASSES = dict(enumerate("f8 f4 i1 u1 i2 u2 i4 u4 i8 u8".split(), 6))


class Matrix:
    """An array of a file, whose values are read when asked for.

    Args:
        head: first bytes of the matrix: as many as its name and shape take.
        read: function that gives all its bytes.
        order: "<" or ">".

    Attributes:
        name: str.
        shape: tuple of ints.
    """

    def __init__(self, head, read, order):
        self._read, self._order = read, order
        flags, shape, name = self._parts(head, 3)
        self._class = struct.unpack_from(order + "I", flags[1])[0] & 0xFF
        self.shape = tuple(np.frombuffer(shape[1], order + "i4").tolist())
        self.name = bytes(name[1]).decode()
        if len(self.shape) < 2 or min(self.shape) < 0:
            raise ValueError(f"its {self.name[:20]!r} has the shape {self.shape}")

    def values(self) -> np.ndarray:
        """The array, of the type that the file says it has."""
        kind, content = self._parts(self._read(), 4)[3]
        if self._class not in _CLASSES or _STORED.get(kind, "-") == "-":
            raise TypeError(f"its {self.name[:20]!r} is no array of numbers")
        stored = np.frombuffer(content, self._order + _STORED[kind])
        if stored.size != math.prod(self.shape):
            raise ValueError(f"its {self.name[:20]!r} has {stored.size} values")
        values = stored.reshape(self.shape, order="F")
        # Whole numbers of a large type are often stored in a small one.
        return values.astype(_CLASSES[self._class], casting="safe", copy=False)

    def _parts(self, data, num):
        return list(itertools.islice(_elements(data, self._order), num))


def read_matrices(file) -> dict:
    """The arrays of a file, by name.

    For a `with` block of `tfsigmavae.inputs.explained`, as is `Matrix.values`: where
    the file is damaged, they raise what comes.

    Args:
        file: path.

    Returns:
        dict of name -> `Matrix`. What else is in the file is left out.

    Raises:
        InputError: if it is no regular file, or would unpack to too much.

    Reference: MathWorks, MAT-File Format, chapter 1 (level 5).
    """
    data = memoryview(read_bytes(file))
    order = "<" if bytes(data[126:128]) == b"IM" else ">"
    (version,) = struct.unpack_from(order + "H", data, 124)
    if version != _VERSION:
        raise ValueError(f"its version is {version:#x}, and {_VERSION:#x} is read")
    found = {}
    for kind, content in _elements(data[_HEADER_SIZE:], order):
        matrix = _matrix(f"'{file}'", kind, content, order)
        if matrix is not None:
            found.setdefault(matrix.name, matrix)
    return found


def _matrix(where, kind, content, order) -> Matrix | None:
    def unpacked(most):
        """The matrix within a compressed part, without its tag."""
        made, size = [], 0
        for part in inflated(where, content):
            made.append(part)
            size += len(part)
            if size >= most:
                break
        data = memoryview(b"".join(made))
        inner, _ = struct.unpack_from(order + "2I", data)
        return data[8:] if inner == _MATRIX else None

    if kind == _COMPRESSED:
        head = unpacked(1)  # its first part
        return (
            None
            if head is None
            else Matrix(head, functools.partial(unpacked, math.inf), order)
        )
    return Matrix(content, lambda: content, order) if kind == _MATRIX else None


def _elements(data, order):
    """Type and bytes of each part, one after the other."""
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(order + "2I", data, place)
        begin, end = place + 8, place + 8 + size
        place = end if kind == _COMPRESSED else end + -size % 8
        if kind >> 16:  # up to four bytes, in place of the size
            kind, size = kind & 0xFFFF, kind >> 16
            begin, end, place = begin - 4, begin - 4 + size, begin
            if size > 4:
                raise ValueError("it has a part that is not where it should be")
        if end > len(data):
            raise EOFError("its end is missing")
        yield kind, data[begin:end]
