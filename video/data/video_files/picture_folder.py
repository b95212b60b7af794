"""A folder of numbered pictures as one video."""

import re

from PIL import ImageOps

from tfsigmavae.inputs import DAMAGE, explained
from tfsigmavae_video.data.video_files.picture_pixels import (
    num_channels,
    open_frames,
    to_array,
)
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class PictureFolder(VideoFile):
    """The pictures of a folder in the order of their numbers.

    Numbers may have gaps, as where every third frame was kept. The pictures are turned
    as their cameras say, and must be of one size. The first one is decoded at opening.

    Args:
        path: `pathlib.Path` of the folder.

    Raises:
        VideoError: if the folder holds other things, or a picture cannot be decoded.
    """

    def __init__(self, path):
        self._pictures = numbered_pictures(path)
        if not self._pictures:
            raise VideoError(
                f"The folder '{path}' is no video: it must hold numbered pictures "
                f"({', '.join(SUFFIXES)}) and nothing else."
            )
        shape = _decoded(self._pictures[0]).shape
        for picture in self._pictures[1:]:
            # How a picture is turned is told deeper in its file: seen when it is read.
            if sorted(size := _size(picture)) != sorted(shape[:2]):
                raise VideoError(
                    f"'{path}' has pictures of other sizes: {picture.name} is "
                    f"{size[0]}x{size[1]}, the first one {shape[1]}x{shape[0]}. Frames "
                    "of a video have one size; pictures that are no video are loaded "
                    "by `tfsigmavae.data.images.load`."
                )
        super().__init__(path, None, len(self._pictures), None, shape)

    def close(self):
        pass  # each picture is opened and closed by itself

    def _frames(self, numbers):
        for number in numbers:
            # Some writers store a frame without colour as grey: nothing is lost.
            yield _decoded(self._pictures[number], self.shape[-1])


def numbered_pictures(path) -> list:
    """The pictures of a folder, by number; [] if it holds anything else.

    Hidden files do not count. Where the first one moves, all are videos of their own.
    """
    files = [file for file in path.iterdir() if not file.name.startswith(".")]
    if not all(map(_is_numbered_picture, files)):
        return []
    files = sorted(files, key=lambda file: _natural_key(file.name))
    return [] if files and _is_animated(files[0]) else files


def _is_animated(file):
    try:
        with open_frames(file) as picture:
            return getattr(picture, "is_animated", False)
    except DAMAGE:
        return False


def _is_numbered_picture(file):
    has_number = re.search("[0-9]", file.stem)
    return file.suffix.lower() in SUFFIXES and has_number and not file.is_dir()


def _natural_key(name):
    """Sorts "frame10" after "frame9"."""
    parts = re.split("([0-9]+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], name


def _size(path):
    """(width, height) as stored, from the head of the file."""
    with _explained(path), open_frames(path) as picture:
        return picture.size


def _decoded(path, channels=1):
    with _explained(path), open_frames(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        return to_array(upright, max(channels, num_channels(upright)))


def _explained(path):
    way_out = "Copy it again, or remove it."
    return explained(f"'{path}'", "cannot be decoded", way_out, VideoError)
