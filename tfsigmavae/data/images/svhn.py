"""SVHN, cropped digits: MATLAB files."""

import struct

import numpy as np

from tfsigmavae.backend import require
from tfsigmavae.data.images.stacking import transform_array
from tfsigmavae.inputs import (
    InputError,
    explained,
    inflated_size,
    is_there,
    read_bytes,
)

FILES = {split: f"{split}_32x32.mat" for split in ("train", "test", "extra")}
_HEADER_SIZE, _TAG = 128, struct.Struct("2I")  # of a part: its type, its bytes
_COMPRESSED = 15


def find(folder, split):
    """The file of a split, or `None`."""
    file = folder / FILES[split]
    return file if is_there(file) else None


def read(file, split, transform, progress=None, max_pixels=None):
    """`[N, 32, 32, 3]` uint8."""
    images = _matrix(file, "X")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[2] != 3:
        raise InputError(
            f"'{file}' must hold uint8 images [H, W, 3, N], got {images.dtype} of "
            f"shape {images.shape}."
        )
    images = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
    return transform_array(images, transform, progress)


def read_labels(file, split):
    """`[N]` int64, 0 to 9."""
    labels, images = _matrix(file, "y"), _matrix(file, "X")
    num = images.shape[-1]
    if labels.size != num or not np.isin(labels, np.arange(1, 11)).all():
        raise InputError(
            f"'{file}' must have a label 1 to 10 for each of its {num} images, got "
            f"{labels.dtype} of shape {labels.shape}. Download it again."
        )
    return labels.ravel().astype(np.int64) % 10  # its label 10 is the digit 0


def _matrix(file, name):
    scipy_io = require("scipy.io", "svhn")
    damage = (scipy_io.matlab.MatReadError,)
    what = "is not an SVHN file"
    with explained(f"'{file}'", what, "Download it again.", also=damage):
        _check_unpacked(file)
        matrix = scipy_io.loadmat(file, variable_names=[name])[name]
        if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "biuf":
            raise TypeError(f"its {name} is no array of numbers")
        return matrix


def _check_unpacked(file):
    """Raises if a part would unpack to too much: SciPy takes what a part says."""
    data = memoryview(read_bytes(file))
    order = "<" if bytes(data[126:128]) == b"IM" else ">"
    place = _HEADER_SIZE
    while place + _TAG.size <= len(data):
        kind, size = struct.unpack_from(order + _TAG.format, data, place)
        place += _TAG.size
        if kind == _COMPRESSED:
            inflated_size(f"'{file}'", data[place : place + size])
        place += size
