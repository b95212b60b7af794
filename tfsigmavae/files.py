"""Files and folders that are there whole or not at all."""

import contextlib
import json
import os
import pathlib
import shutil
import uuid


@contextlib.contextmanager
def whole(path, shared: bool = False, exist_ok: bool = True):
    """Gives a hidden path beside `path` to write to; it becomes `path` in one step.

    The step is the end of the `with` block. After an error nothing is left, and what
    was at `path` is as before; what a killed process has left is replaced.

    Args:
        path: file, or folder that does not exist; missing parents are made. A file that
            exists is replaced.
        shared: bool, whether several processes may write to `path` at once: each has a
            hidden path of its own then (left behind when it is killed), and of folders
            the first one stays. Defaults to `False`.
        exist_ok: bool, whether a later one leaves it at that, or meets an `OSError`.
            Defaults to `True`.

    Yields:
        `pathlib.Path` with the suffix of `path`, where nothing is yet.

    Raises:
        OSError: at the end of the block, if `path` is a folder that is not empty: a
            folder is not replaced. With `shared` and `exist_ok`, its content stays.

    Example:
        >>> with whole("runs/model.keras") as partial:
        ...     model.save(partial)
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex if shared else "partial"
    partial = path.with_name(f".{mark}.{path.name}")
    _remove(partial)
    try:
        yield partial
        try:
            os.replace(partial, path)
        except OSError:
            another_was_first = shared and path.is_dir()
            if not (another_was_first and exist_ok):
                raise
    finally:
        _remove(partial)


def write_bytes(path, content: bytes) -> pathlib.Path:
    """Writes a file whole or not at all; several processes may at once."""
    with whole(path, shared=True) as partial:
        partial.write_bytes(content)
    return pathlib.Path(path)


def write_text(path, text: str) -> pathlib.Path:
    """Writes a UTF-8 file whole or not at all."""
    return write_bytes(path, text.encode())


def write_json(path, value) -> pathlib.Path:
    """Writes JSON values, indented, whole or not at all."""
    return write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path):
    """What `write_json` wrote.

    Raises:
        ValueError: if the file holds no JSON, as one that was cut does.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON or of UTF-8
        raise ValueError(
            f"'{path}' is damaged, it holds no JSON: put it right, or delete it."
        ) from error


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
