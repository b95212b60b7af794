"""Animated pictures: GIF, PNG and WebP, by Pillow."""

import contextlib
from typing import Any

import numpy as np

from tfsigmavae.inputs import explained
from tfsigmavae_video.data.video_files.picture_index import index_picture
from tfsigmavae_video.data.video_files.picture_pixels import (
    num_channels,
    open_frames,
    to_array,
)
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile


class PictureFile(VideoFile):
    """A GIF, animated PNG or animated WebP; a still picture is one frame.

    A frame is all that is shown at its time. Pillow composes it from those before it,
    so reading goes through the file in order, and backwards from the start. Opening
    reads headers only.

    Args:
        path: `pathlib.Path`.

    Raises:
        VideoError: if it is none of them, its end is missing, or it cannot be decoded.
    """

    def __init__(self, path):
        super().__init__(path, None, 0, None, None)
        with self._explained(), open(path, "rb") as file:
            self._index: Any = index_picture(file)
        if self._index is None or not self._index.durations:
            raise VideoError(f"'{path}' holds no GIF, PNG or WebP picture.")
        self._picture: Any = None  # closed
        with self._explained():
            self._open()
            self.num_frames = len(self._index.durations)
            ends = np.cumsum(self._index.durations) / 1000.0
            self.times = np.concatenate([[0.0], ends[:-1]])
            self.shape = (*self._picture.size[::-1], self._num_channels())

    def close(self):
        if self._picture is not None:
            self._picture.close()
        self._picture = None

    def _open(self):
        self.close()
        self._picture = open_frames(self.path, ("GIF", "PNG", "WEBP"))
        self._position = -1

    def _num_channels(self):
        if self._index.has_alpha:
            return 4
        # Pillow gives the first frame of a coloured GIF as grey where it has no colour.
        return 3 if self._picture.format == "GIF" else num_channels(self._picture)

    def _frames(self, numbers):
        for number in numbers:
            with self._explained():
                self._go_to(number + self._index.first)
                frame = to_array(self._picture, self.shape[-1])
            yield frame

    def _go_to(self, wanted):
        # Stepping back by Pillow fails for PNG.
        if self._picture is None or wanted < self._position:
            self._open()
        for position in range(self._position + 1, wanted + 1):
            self._picture.seek(position)  # pyright: ignore[reportOptionalMemberAccess]
            self._picture.load()  # pyright: ignore[reportOptionalMemberAccess]
        self._position = wanted

    @contextlib.contextmanager
    def _explained(self):
        where, way_out = f"'{self.name}'", "Copy it again, or leave it out."
        with explained(where, "cannot be decoded", way_out, VideoError):
            try:
                yield
            except EOFError as error:
                raise VideoError(f"{where} is truncated. {way_out}") from error
