"""Opens a video by its path, whatever its format."""

import os
import pathlib

from tfsigmavae.inputs import check_regular
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.video_files import array_file, picture_folder
from tfsigmavae_video.data.video_files.array_file import ArrayFile
from tfsigmavae_video.data.video_files.picture_file import PictureFile
from tfsigmavae_video.data.video_files.picture_folder import PictureFolder
from tfsigmavae_video.data.video_files.pyav_file import PyAVFile
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile

# What files of each kind begin with; all others are FFmpeg's to know.
_BEGINNINGS = {
    b"\x93NUMPY": ArrayFile,
    b"PK\x03\x04": ArrayFile,
    b"GIF8": PictureFile,
    b"\x89PNG\r\n\x1a\n": PictureFile,
}
# Names that are taken for those of videos. A .png or .webp is more often a still.
SUFFIXES = tuple(
    ".3gp .apng .asf .avi .flv .gif .h264 .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts "
    ".npy .npz .ogv .png .ts .webm .webp .wmv".split()
)


def is_video(path: PathLike) -> bool:
    """Whether a path is that of a video, by names alone: no file is opened.

    A video is a file with one of `SUFFIXES`, or a folder of numbered pictures and
    nothing else.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return bool(picture_folder.numbered_pictures(path))
    return path.suffix.lower() in SUFFIXES


def list_videos(path: PathLike) -> list:
    """Lists the videos that one file, or one folder of pictures, holds.

    Args:
        path: file or folder.

    Returns:
        list of (path, member), as `open_video` takes them; one for most formats.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        VideoError: if it cannot be read, or a NumPy file holds no videos.
    """
    path = pathlib.Path(path)
    if _kind(path) is ArrayFile:
        return [(path, member) for member in array_file.members(path)]
    return [(path, None)]


def open_video(path: PathLike, member: str | int | None = None) -> VideoFile:
    """Opens a video, whatever its format; what a file holds goes before its suffix.

    Args:
        path: file, or folder of numbered pictures.
        member: which video of a .npy or .npz file that holds several, as `list_videos`
            gives it.

    Returns:
        `VideoFile`.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ImportError: if PyAV is needed and not installed.
        VideoError: if it is no video that can be read.
    """
    path = pathlib.Path(path)
    kind = _kind(path)
    if kind is ArrayFile:
        return ArrayFile(path, member)
    if member is not None:
        raise VideoError(f"'{path}' holds one video, got the member {member!r}.")
    return kind(path)


def _kind(path):
    """The subclass of `VideoFile` for what is at a path."""
    if not os.path.lexists(path):
        raise FileNotFoundError(f"There is no file or folder '{path}'.")
    if path.is_dir():
        return PictureFolder
    check_regular(path, VideoError)
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        raise VideoError(
            f"'{path}' cannot be opened: {error.strerror}. Mend its rights, or leave "
            "it out."
        ) from error
    if not head:
        raise VideoError(f"'{path}' is empty. Copy it again, or leave it out.")
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return PictureFile
    found = [kind for begin, kind in _BEGINNINGS.items() if head.startswith(begin)]
    return found[0] if found else PyAVFile
