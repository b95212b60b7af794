"""SVHN, cropped digits: MATLAB files."""

import zlib

import numpy as np

from tfsigmavae.backend import require
from tfsigmavae.data.images.stacking import transform_array

FILES = {split: f"{split}_32x32.mat" for split in ("train", "test", "extra")}


def find(folder, split):
    """The file of a split, or `None`."""
    file = folder / FILES[split]
    return file if file.is_file() else None


def read(file, split, transform, progress=None):
    """`[N, 32, 32, 3]` uint8."""
    scipy_io = require("scipy.io", "svhn")
    try:
        images = scipy_io.loadmat(file, variable_names=["X"])["X"]
    except (
        KeyError,
        NotImplementedError,
        OSError,
        TypeError,
        ValueError,
        zlib.error,
        scipy_io.matlab.MatReadError,
    ) as error:
        raise ValueError(
            f"'{file}' is not an SVHN file: {error}. Download it again."
        ) from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[2] != 3:
        raise ValueError(
            f"'{file}' must hold uint8 images [H, W, 3, N], got {images.dtype} of "
            f"shape {images.shape}."
        )
    images = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
    return transform_array(images, transform, progress)
