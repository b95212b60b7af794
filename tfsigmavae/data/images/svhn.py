"""SVHN, cropped digits: MATLAB files."""

import numpy as np

from tfsigmavae.data.images.matlab_file import read_matrices
from tfsigmavae.data.images.stacking import transform_array
from tfsigmavae.inputs import InputError, explained, is_there

FILES = {split: f"{split}_32x32.mat" for split in ("train", "test", "extra")}


def find(folder, split):
    """The file of a split, or `None`."""
    file = folder / FILES[split]
    return file if is_there(file) else None


def read(file, split, transform, progress=None, max_pixels=None):
    """`[N, 32, 32, 3]` uint8."""
    images = _values(file, "X")
    if (
        images.dtype != np.uint8
        or images.ndim != 4
        or images.shape[2] != 3
        or not images.size
    ):
        raise InputError(
            f"'{file}' must hold uint8 images [H, W, 3, N], got {images.dtype} of "
            f"shape {images.shape}."
        )
    images = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
    return transform_array(images, transform, progress)


def read_labels(file, split):
    """`[N]` int64, 0 to 9."""
    labels = _values(file, "y")
    with _explained(file):
        num = read_matrices(file)["X"].shape[-1]
    if labels.size != num or not np.isin(labels, np.arange(1, 11)).all():
        raise InputError(
            f"'{file}' must have a label 1 to 10 for each of its {num} images, got "
            f"{labels.dtype} of shape {labels.shape}. Download it again."
        )
    return labels.ravel().astype(np.int64) % 10  # its label 10 is the digit 0


def _values(file, name):
    with _explained(file):
        return read_matrices(file)[name].values()


def _explained(file):
    return explained(f"'{file}'", "is not an SVHN file", "Download it again.")
