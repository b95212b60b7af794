"""TFRecord files within a tar archive, found by its headers; nothing is unpacked."""

import pathlib
import posixpath
import tarfile

from tfsigmavae.inputs import DAMAGE, check_regular
from tfsigmavae_video.data.record_index import Member

_BLOCK = 512  # bytes; a tar ends with blocks of zeros


def is_tar(path) -> bool:
    """Whether a path looks like a tar archive, compressed or not: by its name."""
    name = pathlib.Path(path).name
    return ".tar" in pathlib.Path(name).suffixes or name.endswith((".tgz", ".tbz"))


def find_members(tar, split: str) -> list:
    """The TFRecord files of a split, in the order of the archive.

    A header of 512 bytes is read for each member, and nothing else. As when it is
    unpacked, the last one of a name counts, and a link is the file it leads to.

    Args:
        tar: path of an uncompressed archive that holds `.../train/*.tfrecords` and
            `.../test/*.tfrecords`.
        split: "train" or "test".

    Returns:
        list of `Member`.

    Raises:
        FileNotFoundError: if the archive has no TFRecord files of `split`.
        ValueError: if it is compressed, truncated or no tar archive at all, or if a
            link leads to no file in it.
    """
    check_regular(tar)
    try:
        with tarfile.open(tar, "r:") as archive:
            members = list(archive)
            end = archive.offset
    except (tarfile.TarError, *DAMAGE) as error:
        raise ValueError(_what_is_wrong(tar, error)) from error
    with open(tar, "rb") as stream:
        stream.seek(end)
        if stream.read(_BLOCK) != bytes(_BLOCK):
            raise ValueError(_what_is_wrong(tar, "its end mark is missing"))
    found = [
        Member(tar, member.offset_data, member.size, name)
        for name, member in _unpacked(tar, members, split).items()
    ]
    if not found:
        raise FileNotFoundError(
            f"No TFRecord files match '{split}/*.tfrecords' in '{tar}', which has "
            f"{len(members)} members, such as {[m.name for m in members[:3]]}."
        )
    return found


def _unpacked(tar, members, split):
    """Name -> the member that holds it, as if all were unpacked one after another."""
    files, symbolic = {}, {}
    for member in members:
        name = posixpath.normpath(member.name)
        files.pop(name, None)
        symbolic.pop(name, None)
        if member.isreg():
            files[name] = member
        elif member.islnk():  # to a member that came before
            files[name] = files.get(posixpath.normpath(member.linkname))
        elif member.issym():
            folder = posixpath.dirname(name)
            symbolic[name] = posixpath.normpath(f"{folder}/{member.linkname}")
    files |= {name: files.get(target) for name, target in symbolic.items()}
    found = {name: file for name, file in files.items() if _is_of_split(name, split)}
    lost = [name for name, file in found.items() if file is None]
    if lost:
        raise ValueError(
            f"'{lost[0]}' in '{tar}' is a link to a file that is not in the archive. "
            "Unpack it where that file is, or make it anew with `tar --dereference`."
        )
    return found


def _is_of_split(name, split):
    path = pathlib.PurePosixPath(name)
    is_record_file = path.suffix in (".tfrecord", ".tfrecords")
    # macOS writes a file `._name` of notes beside each.
    return is_record_file and path.parent.name == split and path.name[:2] != "._"


def _what_is_wrong(tar, error):
    with open(tar, "rb") as stream:
        beginning = stream.read(6)
    if beginning.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        return f"'{tar}' is compressed, and is read in place: unpack it, or gunzip it."
    return (
        f"'{tar}' is truncated or no tar archive ({error}). Download it again: "
        "`tfsigmavae data download bair` goes on where a download has stopped."
    )
