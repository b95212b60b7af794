"""TFRecord files within a tar archive, found by its headers; nothing is unpacked."""

import pathlib
import tarfile

from tfsigmavae_video.data.record_index import Member

_BLOCK = 512  # bytes; a tar ends with blocks of zeros


def is_tar(path) -> bool:
    """Whether a path looks like a tar archive, compressed or not: by its name."""
    name = pathlib.Path(path).name
    return ".tar" in pathlib.Path(name).suffixes or name.endswith((".tgz", ".tbz"))


def find_members(tar, split: str) -> list:
    """The TFRecord files of a split, in the order of the archive.

    A header of 512 bytes is read for each member, and nothing else.

    Args:
        tar: path of an uncompressed archive that holds `.../train/*.tfrecords` and
            `.../test/*.tfrecords`.
        split: "train" or "test".

    Returns:
        list of `Member`.

    Raises:
        FileNotFoundError: if the archive has no TFRecord files of `split`.
        ValueError: if it is compressed, truncated or no tar archive at all.
    """
    try:
        with tarfile.open(tar, "r:") as archive:
            members = list(archive)
            end = archive.offset
    except tarfile.TarError as error:
        raise ValueError(_what_is_wrong(tar, error)) from error
    with open(tar, "rb") as stream:
        stream.seek(end)
        if stream.read(_BLOCK) != bytes(_BLOCK):
            raise ValueError(_what_is_wrong(tar, "its end mark is missing"))
    found = [
        Member(tar, member.offset_data, member.size, member.name)
        for member in members
        if member.isreg() and _is_of_split(member.name, split)
    ]
    if not found:
        raise FileNotFoundError(
            f"No TFRecord files match '{split}/*.tfrecords' in '{tar}', which has "
            f"{len(members)} members, such as {[m.name for m in members[:3]]}."
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
        "`python scripts/download.py bair` goes on where a download has stopped."
    )
