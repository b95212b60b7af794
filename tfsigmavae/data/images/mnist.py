"""MNIST and Fashion-MNIST: IDX files, or the archive that Keras downloads."""

import gzip
import math
import struct
import zipfile
import zlib

import numpy as np

from tfsigmavae.data.images.stacking import transform_array

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
    return next((file for file in files if file.is_file()), None)


def read(file, split, transform, progress=None):
    """`[N, H, W, 1]` uint8."""
    images = _read_npz(file, split) if file.suffix == ".npz" else _read_idx(file)
    return transform_array(images[..., None], transform, progress)


def _read_npz(file, split):
    try:
        with np.load(file, allow_pickle=False) as arrays:
            images = arrays[f"x_{split}"]
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"'{file}' is not Keras' archive of MNIST: {error}."
        ) from error
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(
            f"'{file}' must hold uint8 images [N, H, W], got {images.dtype} of shape "
            f"{images.shape}."
        )
    return images


def _read_idx(file):
    try:
        data = file.read_bytes()
        data = gzip.decompress(data) if file.suffix == ".gz" else data
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"'{file}' is broken: {error}. Download it again.") from error
    header = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
    if header[:3] != (0, _UINT8, 3):
        raise ValueError(f"'{file}' is not an IDX file of uint8 images.")
    wanted = _HEADER.size + math.prod(header[3:])
    if len(data) != wanted:
        raise ValueError(
            f"'{file}' must hold {wanted} bytes by its header, got {len(data)}. "
            "Download it again."
        )
    pixels = np.frombuffer(data, np.uint8, offset=_HEADER.size)
    return pixels.reshape(header[3:]).copy()  # what a buffer gives is read-only
