"""CIFAR-10: the binary version, and the Python version that Keras downloads."""

import numpy as np

from tfsigmavae.data.images.cifar10_pickle import read_batch
from tfsigmavae.data.images.stacking import transform_array
from tfsigmavae.inputs import InputError, is_there, read_bytes

FILES = {
    "train": "data_batch_1.bin to data_batch_5.bin, or the same without .bin",
    "test": "test_batch.bin, or the same without .bin",
}
_NAMES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
_FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
_SHAPE = (3, 32, 32)  # planes of red, green and blue
RECORD_SIZE = 1 + 3 * 32 * 32  # a label and an image


def find(folder, split):
    """The files of a split, or `None` unless all are there."""
    for inner in _FOLDERS:
        for suffix in (".bin", ""):
            files = [folder / inner / (name + suffix) for name in _NAMES[split]]
            if all(map(is_there, files)):
                return files
    return None


def read(files, split, transform, progress=None, max_pixels=None):
    """`[N, 32, 32, 3]` uint8."""
    planes = np.concatenate([_read(file)[0] for file in files]).reshape(-1, *_SHAPE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return transform_array(images, transform, progress)


def read_labels(files, split):
    """`[N]` int64, 0 to 9."""
    labels = []
    for file in files:
        rows, found = _read(file)
        if len(found) != len(rows):
            raise InputError(
                f"'{file}' has {len(found)} labels of {len(rows)} images. Download it "
                "again."
            )
        labels.extend(found)
    return np.array(labels, np.int64)


def _read(file):
    """Rows of pixels `[N, 3072]` uint8, and their labels."""
    if file.suffix != ".bin":
        return read_batch(file)
    data = np.frombuffer(read_bytes(file), np.uint8)
    if data.size == 0 or data.size % RECORD_SIZE:
        raise InputError(
            f"'{file}' must hold records of {RECORD_SIZE} bytes, got {data.size} "
            "bytes. Download it again."
        )
    records = data.reshape(-1, RECORD_SIZE)
    if records[:, 0].max() > 9:
        raise InputError(f"'{file}' is not CIFAR-10: it has labels above 9.")
    return records[:, 1:], records[:, 0].tolist()
