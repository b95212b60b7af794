"""A folder of numbered pictures as one video."""

import re

import numpy as np
from PIL import Image, ImageOps

from tfsigmavae_video.data.video_files.video_file import VideoError, VideoFile

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class PictureFolder(VideoFile):
    """The pictures of a folder in the order of their numbers.

    Args:
        path: `pathlib.Path` of the folder.
    """

    def __init__(self, path):
        self._pictures = numbered_pictures(path)
        if not self._pictures:
            raise VideoError(f"'{path}' holds no numbered pictures.")
        first = _decoded(self._pictures[0])
        super().__init__(path, None, len(self._pictures), None, first.shape)

    def _frames(self, numbers):
        for number in numbers:
            frame = _decoded(self._pictures[number])
            if frame.shape != self.shape:
                raise VideoError(
                    f"'{self._pictures[number]}' is {frame.shape}, the first picture "
                    f"of the folder {self.shape}. They must be alike."
                )
            yield frame


def numbered_pictures(path) -> list:
    """The pictures of a folder in natural order; [] unless all its files are such."""
    files = [p for p in path.iterdir() if not p.name.startswith(".")]
    if not all(
        p.suffix.lower() in SUFFIXES and re.search(r"\d", p.stem) and p.is_file()
        for p in files
    ):
        return []
    return sorted(files, key=_natural)


def _natural(path):
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if part.isdigit() else part for part in parts]


def _decoded(path):
    try:
        picture = ImageOps.exif_transpose(Image.open(path))
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise VideoError(f"'{path}' cannot be decoded: {error}.") from error
    if picture.mode not in ("L", "RGB", "RGBA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]
