"""Files and folders that are there whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import platform
import shutil
import uuid

_PARTIAL = ".partial-"


def _here():
    """Whose process numbers they are: this machine's, or this container's."""
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


_HERE = _here()


@contextlib.contextmanager
def whole(path, first_stays: bool = False, durable: bool = False):
    """Gives a hidden path beside `path` to write to; it becomes `path` in one step.

    The step is the end of the `with` block. After an error nothing is left, and what
    was at `path` is as before. No two writers have the same hidden path; that of a
    killed process is removed by the next one that writes `path` on this machine.

    Args:
        path: file, or folder that does not exist; missing parents are made. A file that
            exists is replaced.
        first_stays: bool, whether another process may make the folder `path` meanwhile:
            that one stays then. Defaults to `False`.
        durable: bool, whether it is on the disk, and not only given to the system, at
            the end of the block: so that a machine that stops then has it too. Some
            10 ms a file. Defaults to `False`.

    Yields:
        `pathlib.Path` with the suffix of `path`, where nothing is yet.

    Raises:
        OSError: at the end of the block, if `path` is a folder that is not empty: it is
            not replaced. Not with `first_stays`. One that is raised within, as where
            the disk is full, names `path`.

    Example:
        >>> with whole("runs/model.keras") as partial:
        ...     model.save(partial)
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    other_writers(path)
    mark = f"{_HERE}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    partial = path.with_name(f"{_PARTIAL}{mark}.{path.name}")
    try:
        with _naming(path, partial):
            yield partial
            if durable:
                _synchronize(partial)
        try:
            os.replace(partial, path)
        except OSError:
            if not (first_stays and path.is_dir()):
                raise
        if durable:
            _synchronize(path.parent, deep=False)
    finally:
        _remove(partial)


def sweep(folder):
    """Removes what killed processes left of `whole`, in a folder and all below it.

    For a caller who knows that nobody is writing there, by a lock.
    """
    for left in list(pathlib.Path(folder).rglob(f"{_PARTIAL}*")):
        _remove(left)


def other_writers(path) -> list:
    """Hidden paths of others that write `path` now, or did on another machine.

    Those of processes that were killed on this one are removed.
    """
    path = pathlib.Path(path)
    found = sorted(path.parent.glob(f"{_PARTIAL}*.{path.name}"))
    for left in filter(_is_of_the_dead, found):
        _remove(left)
    return [left for left in found if left.exists()]


def write_bytes(path, content: bytes, durable: bool = False) -> pathlib.Path:
    """Writes a file whole or not at all; several processes may at once."""
    with whole(path, durable=durable) as partial:
        partial.write_bytes(content)
    return pathlib.Path(path)


def write_text(path, text: str, durable: bool = False) -> pathlib.Path:
    """Writes a UTF-8 file whole or not at all."""
    return write_bytes(path, text.encode(), durable)


def write_json(path, value, durable: bool = False) -> pathlib.Path:
    """Writes JSON values, indented, whole or not at all."""
    return write_text(path, json.dumps(value, indent=2) + "\n", durable)


def append_line(path, line: str):
    """Adds a line to a UTF-8 file, and sees to it that it is on the disk.

    Raises:
        OSError: naming `path`; where the disk is full, nothing of the line stays.
    """
    rest = line.encode()
    with _naming(path), open(path, "ab", buffering=0) as file:
        end = file.tell()
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def read_json(path, way_out="put it right, or delete it"):
    """The dict that `write_json` wrote.

    Raises:
        ValueError: if the file holds no dict of JSON, as one that was cut does.
    """
    try:
        found = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON or of UTF-8
        raise ValueError(
            f"'{path}' is damaged, it holds no JSON: {way_out}."
        ) from error
    if not isinstance(found, dict):
        raise ValueError(f"'{path}' is damaged, it holds no dict: {way_out}.")
    return found


@contextlib.contextmanager
def _naming(path, partial=None):
    """Makes errors of the system name `path`: those of writing name no file."""
    try:
        yield
    except OSError as error:
        if type(error) is OSError and error.errno is None:  # NumPy's, of a full disk
            raise OSError(errno.EIO, str(error), str(path)) from error
        if error.errno is not None and error.filename is None:
            # Some libraries have a paragraph here.
            error.strerror, error.filename = os.strerror(error.errno), str(path)
        elif partial is not None and isinstance(error.filename, str | os.PathLike):
            name = os.fspath(error.filename)
            error.filename = name.replace(str(partial), str(path), 1)
        raise


def _is_of_the_dead(partial):
    """Whether the process that wrote there has ended, as far as this machine knows."""
    here, _, rest = partial.name.removeprefix(_PARTIAL).partition("-")
    number = rest.partition("-")[0]
    if here != _HERE or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is another user's
        return False
    return False


def _synchronize(path, deep=True):
    inside = path.rglob("*") if deep and path.is_dir() else []
    for each in [*inside, path]:
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # as where all is read-only
            path.unlink(missing_ok=True)
