"""Results that come part by part, and survive an interruption."""

import json
import pathlib
import zipfile
import zlib

import numpy as np

from tfsigmavae import files

_RECORD = "record.json"
_DAMAGE = zipfile.BadZipFile, zlib.error


class PartialResults:
    """Arrays of the parts of a long computation, a file each, for one that goes on.

    Args:
        folder: where they are kept, made if missing; `None` for memory.
        record: dict of JSON values that decides the results.

    Raises:
        ValueError: if the folder holds parts of another record.

    Example:
        >>> parts = PartialResults("runs/demo/evaluation/parts", {"seed": 0})
        >>> for number in range(10):
        ...     if number not in parts:
        ...         parts[number] = {"psnr": compute(number)}
        >>> scores = parts.joined(10)["psnr"]
    """

    def __init__(self, folder, record):
        self.folder = None if folder is None else pathlib.Path(folder)
        self._kept = {}
        if self.folder is None:
            return
        record = json.loads(json.dumps(record))
        file = self.folder / _RECORD
        if file.is_file() and (found := files.read_json(file)) != record:
            names = sorted(
                name
                for name in found.keys() | record.keys()
                if found.get(name) != record.get(name)
            )
            raise ValueError(
                f"'{self.folder}' holds parts of results with another "
                f"{', '.join(names)}. Choose another folder, or delete it."
            )
        files.write_json(file, record)

    def __contains__(self, number) -> bool:
        if self.folder is None:
            return number in self._kept
        return self._file(number).is_file()

    def __setitem__(self, number, arrays):
        if self.folder is None:
            self._kept[number] = arrays
            return
        with files.whole(self._file(number)) as partial:
            np.savez(partial, **arrays)

    def __getitem__(self, number) -> dict:
        if self.folder is None:
            return self._kept[number]
        file = self._file(number)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
        except (ValueError, KeyError, EOFError, OSError, *_DAMAGE) as error:
            raise ValueError(
                f"'{file}' is damaged: delete it, and the same command computes it "
                "again."
            ) from error

    def joined(self, count) -> dict:
        """Parts 0 ... count - 1, laid end to end along the first axis."""
        parts = [self[number] for number in range(count)]
        return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}

    def _file(self, number):
        return self.folder / f"part-{number:06d}.npz"
