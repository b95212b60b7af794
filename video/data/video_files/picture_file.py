"""Animated pictures: GIF, PNG and WebP, by Pillow."""

import numpy as np
from PIL import Image, UnidentifiedImageError

from tfsigmavae_video.data.video_files.video_file import VideoError, VideoFile


class PictureFile(VideoFile):
    """A GIF, animated PNG or animated WebP.

    Each frame is the whole picture as shown at that time. Pillow composes it from those
    before, so that reading goes through the file in order.

    Args:
        path: `pathlib.Path`.
    """

    def __init__(self, path):
        self._picture = _opened(path)
        num_frames = getattr(self._picture, "n_frames", 1)
        width, height = self._picture.size
        durations, self._mode = _scan(self._picture, num_frames)
        times = np.concatenate([[0.0], np.cumsum(durations[:-1])]) / 1000.0
        channels = {"L": 1, "RGB": 3, "RGBA": 4}[self._mode]
        super().__init__(path, None, num_frames, times, (height, width, channels))

    def _frames(self, numbers):
        for number in numbers:
            self._picture.seek(number)
            frame = np.asarray(self._picture.convert(self._mode))
            yield frame.reshape(self.shape)

    def close(self):
        self._picture.close()


def _opened(path):
    try:
        return Image.open(path)
    except UnidentifiedImageError as error:
        raise VideoError(f"'{path}' is no picture that can be read.") from error


def _scan(picture, num_frames):
    durations, is_grey, is_opaque = [], True, True
    for number in range(num_frames):
        picture.seek(number)
        picture.load()
        durations.append(float(picture.info.get("duration", 0.0)) or 100.0)
        frame = picture.convert("RGBA")
        is_opaque = is_opaque and frame.getchannel("A").getextrema() == (255, 255)
        levels = np.asarray(frame)
        is_grey = is_grey and np.array_equal(levels[..., 0], levels[..., 1])
        is_grey = is_grey and np.array_equal(levels[..., 0], levels[..., 2])
    if not is_opaque:
        return durations, "RGBA"
    return durations, "L" if is_grey else "RGB"
