"""Opens a video by its path, whatever its format."""

import pathlib

from tfsigmavae_video.data.video_files import array_file, picture_folder
from tfsigmavae_video.data.video_files.array_file import ArrayFile
from tfsigmavae_video.data.video_files.picture_file import PictureFile
from tfsigmavae_video.data.video_files.picture_folder import PictureFolder
from tfsigmavae_video.data.video_files.pyav_file import PyAVFile
from tfsigmavae_video.data.video_files.video_file import VideoFile

_ARRAYS = (".npy", ".npz")
_PICTURES = (".apng", ".gif", ".png", ".webp")
_CONTAINERS = (
    ".3gp .asf .avi .flv .h264 .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts "
    ".webm .wmv"
).split()
SUFFIXES = tuple(sorted([*_ARRAYS, *_PICTURES, *_CONTAINERS]))


def is_video(path) -> bool:
    """Whether a path is one of a video, by its name; no file is opened.

    That is a file with one of `SUFFIXES`, or a folder that holds numbered pictures and
    nothing else.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return bool(picture_folder.numbered_pictures(path))
    return path.suffix.lower() in SUFFIXES


def list_videos(path) -> list:
    """The videos that a file, or a folder of pictures, holds.

    Returns:
        list of (path, member) as `open_video` takes them; one for most formats.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() in _ARRAYS and path.is_file():
        return [(path, member) for member in array_file.members(path)]
    return [(path, None)]


def open_video(path, member=None) -> VideoFile:
    """Opens a video, whatever its format.

    Args:
        path: file or folder.
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
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder '{path}'.")
    if path.is_dir():
        return PictureFolder(path)
    if path.suffix.lower() in _ARRAYS:
        return ArrayFile(path, member)
    if path.suffix.lower() in _PICTURES:
        return PictureFile(path)
    return PyAVFile(path)
