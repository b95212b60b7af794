"""Videos in containers: mp4, mov, avi, mkv, webm and what else FFmpeg reads."""

import contextlib

from tfsigmavae_video.data.video_files import frame_index, pyav_frames
from tfsigmavae_video.data.video_files.video_file import VideoError, VideoFile


class PyAVFile(VideoFile):
    """A video that FFmpeg reads, by PyAV.

    Opening reads the packets, which tell the time of each frame and where decoding can
    begin, and decodes the first frame only. Reading goes on from the last frame read,
    or from the last keyframe before the one wanted, and finds frames by their time
    stamps. Where packets tell no time (raw streams, H.264 in avi), opening decodes the
    whole stream, and reading may begin with its first frame.

    Args:
        path: `pathlib.Path`.

    Raises:
        ImportError: if PyAV is not installed.
        VideoError: if there is no video in the file, or it cannot be read.
    """

    def __init__(self, path):
        super().__init__(path, None, 0, None, None)
        self._container = None
        with self._explained("cannot be opened as a video"):
            self._open()
            self._index = frame_index.index_packets(self._container, self._stream)
            if self._index is None:
                self._open()
                self._index = frame_index.index_frames(self._container, self._stream)
        self.num_frames = len(self._index.stamps)
        if not self.num_frames:
            raise VideoError(f"'{path}' has a video stream without frames.")
        self.times = self._seconds()
        self._open()
        self.shape = next(self._frames([0])).shape

    def close(self):
        if self._container is not None:
            self._container.close()
        self._container = None

    def _open(self):
        av = _import_av()
        self.close()
        self._container = av.open(str(self.path))
        self._stream = _best_stream(self._container, self.path)
        # A caller reads several files at once, each in a thread of its own.
        self._stream.codec_context.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self._start_decoding()

    def _start_decoding(self):
        self._decoded = self._container.decode(self._stream)
        self._num_decoded, self._position = 0, None

    def _seconds(self):
        stamps = self._index.stamps - self._index.stamps[0]
        if self._index.is_counted:
            return stamps / float(self._stream.average_rate or 25)
        return stamps * float(self._stream.time_base)

    def _frames(self, numbers):
        for number in numbers:
            with self._explained(f"cannot be decoded at frame {number}"):
                frame = self._find(self._index.stamps[number])
                if frame is None or frame.is_corrupt:
                    raise VideoError(
                        f"'{self.name}' is damaged at frame {number}. Copy it again, "
                        "or cut it before that frame."
                    )
                yield pyav_frames.to_array(frame)

    def _find(self, stamp):
        """The frame of a time stamp, or `None`."""
        keys = self._index.keys[self._index.keys <= stamp][::-1]
        if self._position is not None and self._position < stamp:
            if not len(keys) or keys[0] <= self._position or self._index.is_counted:
                frame = self._search(stamp)
                if frame is not None:
                    return frame
        # A seek may come out too late, and a keyframe may not be enough for all frames
        # after it, where pictures are refreshed part by part.
        for key in () if self._index.is_counted else keys[:3]:
            self._container.seek(int(key), stream=self._stream)
            self._start_decoding()
            frame = self._search(stamp)
            if frame is not None:
                return frame
        self._open()
        return self._search(stamp)

    def _search(self, stamp):
        """Decodes up to a time stamp; `None` if there is no such frame ahead."""
        for frame in self._decoded:
            self._position = self._num_decoded if self._index.is_counted else frame.pts
            self._num_decoded += 1
            if self._position == stamp:
                return frame
            if self._position > stamp:
                return None
        return None

    @contextlib.contextmanager
    def _explained(self, what):
        av = _import_av()
        try:
            yield
        except av.error.FFmpegError as error:
            raise VideoError(
                f"'{self.name}' {what}: {error.strerror}. Copy or convert it again, or "
                "leave it out."
            ) from error


def _best_stream(container, path):
    streams = [s for s in container.streams.video if s.codec_context is not None]
    if not streams:
        raise VideoError(
            f"'{path}' has no video stream. Leave it out, or convert the right file."
        )
    return max(streams, key=lambda s: (s.frames, s.width * s.height))


def _import_av():
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Reading videos needs PyAV: `pip install 'tfsigmavae[video]'`."
        ) from error
    return av
