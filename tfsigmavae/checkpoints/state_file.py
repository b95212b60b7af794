"""Named arrays and a record in one file, whole or known to be damaged."""

import hashlib
import json

import numpy as np

from tfsigmavae.files import whole

_RECORD = "record"
_DIGEST = "sha256"


class DamagedFileError(ValueError):
    """A file does not hold what was written, or never was one of ours."""


def write_state(path, arrays: dict, record: dict):
    """Writes arrays by name and a dict of JSON values, with their checksum.

    The file appears whole or not at all, and is on the disk then.
    """
    record = record | {_DIGEST: _digest(arrays, record)}
    text = np.frombuffer(json.dumps(record).encode(), np.uint8)
    with whole(path, durable=True) as partial:
        np.savez(partial, **{_RECORD: text}, **arrays)


def read_state(path):
    """What `write_state` wrote.

    Args:
        path: file, also one without record and checksum, as version 0.1.0 wrote them.

    Returns:
        Tuple (arrays, record).

    Raises:
        OSError: if the file is not there or may not be read.
        DamagedFileError: if its content is not what was written.
    """
    arrays, text = _read(path)
    if text is None:
        return arrays, {}
    record = _parse(path, text)
    digest = record.pop(_DIGEST, None)
    if digest != _digest(arrays, record):
        raise DamagedFileError(f"'{path}' is damaged: its checksum is another.")
    return arrays, record


def read_record(path) -> dict:
    """The record alone, without reading the arrays; errors are those of `read_state`.

    Empty if there is none. The checksum is not compared.
    """
    text = _read(path, names=[_RECORD])[1]
    return {} if text is None else _parse(path, text)


def _read(path, names=None):
    """Arrays and the record's bytes; of a file that is foreign or cut, one error."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            wanted = [n for n in file.files if names is None or n in names]
            arrays = {name: file[name] for name in wanted}
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        # zipfile, zlib, struct, tokenize, numpy, a seek to nowhere, a sector that
        # cannot be read: a damaged file may raise from any of them.
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        if "allow_pickle" in reason:  # NumPy's guess, and no advice for this file
            reason = "it is no .npz file"
        raise DamagedFileError(f"'{path}' is damaged ({reason}).") from error
    return arrays, arrays.pop(_RECORD, None)


def _parse(path, text):
    try:
        record = json.loads(text.tobytes())
    except ValueError as error:
        raise DamagedFileError(
            f"'{path}' is damaged: its record is no JSON."
        ) from error
    if not isinstance(record, dict):
        raise DamagedFileError(f"'{path}' is damaged: its record is no dict.")
    return record


def _digest(arrays, record):
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {np.shape(arrays[name])}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
