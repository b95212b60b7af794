"""Files that are files: no pipes, sockets or devices, and folders without circles."""

import os
import pathlib
import stat
from collections.abc import Callable

from tfsigmavae.inputs.errors import InputError
from tfsigmavae.typing import PathLike

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# Names by which one folder may be reached, by links. More are a tree of links that
# doubles at every level.
_MOST_NAMES = 16


def check_regular(
    path: PathLike, error: type[Exception] = InputError
) -> os.stat_result:
    """Raises unless there is a regular file, or a link to one; opens nothing.

    Args:
        path: of a file.
        error: class of the error. Defaults to `InputError`.

    Returns:
        What `os.stat` tells of the file.

    Raises:
        InputError: or `error`, if it is a folder, a pipe, a socket or a device, or a
            link that leads nowhere.
        FileNotFoundError: if nothing has that name.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(f"There is no file '{path}'.")
    try:
        facts = os.stat(path)
    except FileNotFoundError as cause:
        raise _no_file(path, "a link to nothing", error) from cause
    except OSError as cause:  # a link to itself, among others
        raise _no_file(path, f"unreadable ({cause.strerror})", error) from cause
    if not stat.S_ISREG(facts.st_mode):
        raise _no_file(path, _KINDS.get(stat.S_IFMT(facts.st_mode), "special"), error)
    return facts


def is_there(path: PathLike) -> bool:
    """Whether anything but a folder is there, whether it can be read or not.

    So that what is no regular file is refused by name, and not passed over.

    Args:
        path: to look at.
    """
    return os.path.lexists(path) and not os.path.isdir(path)


def read_bytes(path: PathLike, error: type[Exception] = InputError) -> bytes:
    """The content of a regular file.

    Args:
        path, error: see `check_regular`, which raises.
    """
    check_regular(path, error)
    return pathlib.Path(path).read_bytes()


def walk(root: PathLike, wanted: Callable[[str], bool]) -> list:
    """Names and real paths of the files in a folder and all folders below.

    Links are followed.

    Args:
        root: folder.
        wanted: function, name of a file relative to `root`, with slashes -> whether it
            counts. Others are not looked at.

    Returns:
        list of (name, real path), in no order.

    Raises:
        InputError: if a folder lies within itself, or has many names, by links; if what
            is wanted is no regular file.
        OSError: if a folder cannot be opened.
    """
    found, names = [], {}

    def visit(folder, prefix, above):
        real = os.path.realpath(folder)
        names[real] = names.get(real, 0) + 1
        if real in above or names[real] > _MOST_NAMES:
            what = "leads back into itself" if real in above else "has many names"
            raise InputError(
                f"The folder '{folder}' {what}, by a link to '{real}': its files would "
                "be there again and again. Remove the link."
            )
        with os.scandir(folder) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_dir():
                    visit(entry.path, f"{name}/", above | {real})
                elif wanted(name):
                    # What the entry tells of itself spares a call for each file.
                    plain = entry.is_file(follow_symlinks=False)
                    path = os.path.join(real, entry.name)
                    if not plain:
                        check_regular(entry.path)
                        path = os.path.realpath(path)
                    found.append((name, path))

    visit(os.fspath(root), "", frozenset())
    return found


def _no_file(path, what, error):
    return error(
        f"'{path}' is {what}, and a file is needed. Put the file itself there, or "
        "remove it."
    )
