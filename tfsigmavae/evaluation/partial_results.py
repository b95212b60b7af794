"""Results that come part by part, and survive an interruption."""

import json
import pathlib
import zipfile
import zlib

import numpy as np

from tfsigmavae import files

_RECORD = "record.json"
_DAMAGE = zipfile.BadZipFile, zlib.error
_WAY_OUT = "choose another folder, or delete it."


class PartialResults:
    """Arrays of the parts of a long computation, a file each, for one that goes on.

    Args:
        folder: where they are kept, made if missing; `None` for memory.
        record: dict of JSON values that decides the results.

    Raises:
        ValueError: if the folder holds parts of another record, or a damaged one.
        OSError: if the folder cannot be written to.

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
        writable_folder(self.folder)
        file = self.folder / _RECORD
        if any(self.folder.glob("part-*")):
            self._check_record(file, record)
        files.write_json(file, record)

    def _check_record(self, file, record):
        found = files.read_json(file) if file.is_file() else None
        if not isinstance(found, dict):
            raise ValueError(
                f"'{self.folder}' holds parts of results, and '{file.name}' does not "
                f"tell of which: {_WAY_OUT}"
            )
        names = sorted(
            name
            for name in found.keys() | record.keys()
            if found.get(name) != record.get(name)
        )
        if names:
            raise ValueError(
                f"'{self.folder}' holds parts of results with another "
                f"{', '.join(names)}: {_WAY_OUT}"
            )

    def __contains__(self, number) -> bool:
        if self.folder is None:
            return number in self._kept
        return self._file(number).is_file()

    def __setitem__(self, number, arrays):
        if self.folder is None:
            self._kept[number] = arrays
            return
        # Another process may compute the same part.
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
            raise ValueError(_damaged(file)) from error

    def joined(self, count) -> dict:
        """Parts 0 ... count - 1, laid end to end along the first axis."""
        parts = [self[number] for number in range(count)]
        first = _kinds(parts[0])
        for number, part in enumerate(parts):
            if _kinds(part) != first:
                raise ValueError(_damaged(self._file(number)))
        return {key: np.concatenate([p[key] for p in parts]) for key in first}

    def _file(self, number):
        name = f"part-{number:06d}.npz"
        return pathlib.Path(name) if self.folder is None else self.folder / name


def writable_folder(path) -> pathlib.Path:
    """Makes a folder for results, before anything is computed.

    Raises:
        OSError: if it cannot be made or written to.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path / ".writable", b"")
        (path / ".writable").unlink(missing_ok=True)
    except OSError as error:
        raise type(error)(
            f"Nothing can be written to '{path}' ({error.strerror}): choose another "
            "folder."
        ) from error
    return path


def _kinds(part):
    return {key: (values.shape[1:], values.dtype) for key, values in part.items()}


def _damaged(file):
    return f"'{file}' is damaged: delete it, and the same command computes it again."
