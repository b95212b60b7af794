"""CIFAR-10: the binary version, and the Python version that Keras downloads."""

import pickle

import numpy as np

from tfsigmavae.data.images.stacking import transform_array

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
            if all(file.is_file() for file in files):
                return files
    return None


def read(files, split, transform, progress=None):
    """`[N, 32, 32, 3]` uint8."""
    rows = [_binary(f) if f.suffix == ".bin" else _pickled(f) for f in files]
    planes = np.concatenate(rows).reshape(-1, *_SHAPE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return transform_array(images, transform, progress)


def _binary(file):
    data = np.frombuffer(file.read_bytes(), np.uint8)
    if data.size == 0 or data.size % RECORD_SIZE:
        raise ValueError(
            f"'{file}' must hold records of {RECORD_SIZE} bytes, got {data.size} "
            "bytes. Download it again."
        )
    records = data.reshape(-1, RECORD_SIZE)
    if records[:, 0].max() > 9:
        raise ValueError(f"'{file}' is not CIFAR-10: it has labels above 9.")
    return records[:, 1:]


def _pickled(file):
    with file.open("rb") as stream:
        try:
            rows = ArrayUnpickler(stream, encoding="bytes").load()[b"data"]
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError) as error:
            raise ValueError(f"'{file}' is not a CIFAR-10 batch: {error}.") from error
    if rows.dtype != np.uint8 or rows.shape[1:] != (RECORD_SIZE - 1,):
        raise ValueError(
            f"'{file}' must hold uint8 rows of {RECORD_SIZE - 1} pixels, got "
            f"{rows.dtype} of shape {rows.shape}."
        )
    return rows


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing that could run code."""

    def find_class(self, module, name):
        rebuild = np.empty(0).__reduce__()[0]
        allowed = {"_reconstruct": rebuild, "ndarray": np.ndarray, "dtype": np.dtype}
        if module.partition(".")[0] == "numpy" and name in allowed:
            return allowed[name]
        raise pickle.UnpicklingError(f"it holds a {module}.{name}")
