"""MNIST and Fashion-MNIST: IDX files, or the archive that Keras downloads."""

import math
import struct

import numpy as np

from tfsigmavae.data.images.stacking import transform_array
from tfsigmavae.inputs import InputError, is_there, read_arrays, read_bytes, read_gzip

FILES = {
    "train": "train-images-idx3-ubyte[.gz] or mnist.npz",
    "test": "t10k-images-idx3-ubyte[.gz] or mnist.npz",
}
_PREFIX = {"train": "train", "test": "t10k"}
_HEADER = struct.Struct(">HBB3I")  # zeros, type, number of axes, their lengths
_UINT8 = 8


def find(folder, split):
    """The file of a split, or `None`."""
    names = [
        f"{_PREFIX[split]}-images{mark}idx3-ubyte{suffix}"
        for mark in "-."
        for suffix in ("", ".gz")
    ]
    files = [folder / name for name in [*names, "mnist.npz"]]
    return next((file for file in files if is_there(file)), None)


def read(file, split, transform, progress=None, max_pixels=None):
    """`[N, H, W, 1]` uint8."""
    images = _read_npz(file, split) if file.suffix == ".npz" else _read_idx(file)
    return transform_array(images[..., None], transform, progress)


def read_labels(file, split):
    """`[N]` int64, as many as there are images."""
    if file.suffix == ".npz":
        labels, num_images = _array(file, f"y_{split}"), len(_read_npz(file, split))
    else:
        num_images = _shape(file, _content(file, _HEADER.size))[0]
        name = file.name.replace("images", "labels").replace("idx3", "idx1")
        file = file.with_name(name)
        labels = _read_idx_labels(file)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(
            f"'{file}' must hold integer labels [N], got {labels.dtype} of shape "
            f"{labels.shape}."
        )
    if len(labels) != num_images:
        raise InputError(
            f"'{file}' has {len(labels)} labels of {num_images} images. Download both "
            "again."
        )
    return labels.astype(np.int64)


def _array(file, name):
    return read_arrays(file, [name], "is not Keras' archive of MNIST")[name]


def _read_npz(file, split):
    images = _array(file, f"x_{split}")
    if images.dtype != np.uint8 or images.ndim != 3 or 0 in images.shape:
        raise InputError(
            f"'{file}' must hold uint8 images [N, H, W], got {images.dtype} of shape "
            f"{images.shape}."
        )
    return images


def _read_idx(file):
    data = _content(file)
    shape = _shape(file, data)
    wanted = _HEADER.size + math.prod(shape)
    if len(data) != wanted:
        raise InputError(
            f"'{file}' must hold {wanted} bytes by its header, got {len(data)}. "
            "Download it again."
        )
    pixels = np.frombuffer(data, np.uint8, offset=_HEADER.size)
    return pixels.reshape(shape).copy()  # what a buffer gives is read-only


def _read_idx_labels(file):
    if not is_there(file):
        raise FileNotFoundError(f"'{file}' belongs to the images beside it.")
    data = _content(file)
    # Header: zeros, type uint8, one axis, its length.
    if data[:4] != b"\0\0\x08\x01" or len(data) - 8 != int.from_bytes(data[4:8], "big"):
        raise InputError(f"'{file}' is not an IDX file of uint8 labels.")
    return np.frombuffer(data, np.uint8, offset=8)


def _content(file, most=None):
    """The bytes of a file, the first ones at most, without gzip's packing."""
    if file.suffix == ".gz":
        return read_gzip(file, most)
    return read_bytes(file)[:most]


def _shape(file, data):
    """(N, height, width), by the header."""
    header = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
    if header[:3] != (0, _UINT8, 3):
        raise InputError(f"'{file}' is not an IDX file of uint8 images.")
    if 0 in header[3:]:
        raise InputError(f"'{file}' holds no images: its header says {header[3:]}.")
    return header[3:]
