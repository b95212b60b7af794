"""Videos in containers: mp4, mov, avi, mkv, webm and what else FFmpeg reads."""

import os
import warnings
from typing import Any

from tfsigmavae.inputs import MAX_PIXELS, explained
from tfsigmavae_video.data.video_files import frame_index
from tfsigmavae_video.data.video_files.container_size import declared_size
from tfsigmavae_video.data.video_files.pyav_frames import FrameConverter
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile

# FFmpeg's own decoders leave out the alpha that webm keeps beside the pictures.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Transfer functions of ISO/IEC 23091-2: PQ and hybrid log-gamma.
_HDR = (16, 18)
# Pixels are at most this much wider than high, or higher than wide; the widest in use
# are about 2:1.
_MAX_ASPECT = 16


class PyAVFile(VideoFile):
    """A video that FFmpeg reads, by PyAV.

    Opening reads the packets, which tell the time of each frame and where decoding can
    begin, and decodes the first frame. Reading goes on from the last frame read, or
    from the last keyframe before the one wanted, whichever is nearer, and finds frames
    by their time stamps. Where packets tell no time (raw streams, H.264 in avi),
    opening decodes the whole stream, and each step backwards begins at its start.

    Colours are those of FFmpeg: matrix and range as the file says, BT.601 and limited
    range where it says nothing, whatever its size. Interlaced frames are given as
    stored, both fields woven.

    Args:
        path: `pathlib.Path`.

    Raises:
        ImportError: if PyAV is not installed.
        VideoError: if there is no video in the file, its end is missing, or it cannot
            be read.
    """

    def __init__(self, path):
        super().__init__(path, None, 0, None, None)
        _check_whole(path)
        # PyAV's, while the file is open.
        self._container: Any = None
        self._stream: Any = None
        self._decoder: Any = None
        self._decoded: Any = None
        with self._explained("cannot be opened as a video"):
            self._index = self._make_index()
        self.num_frames = len(self._index.stamps)
        if self._index.is_cut_off:
            raise VideoError(_cut_off(path, "its last frame is not whole"))
        if not self.num_frames:
            raise VideoError(f"'{path}' has a video stream without frames.")
        self.times = self._seconds()
        self.shape = next(self._frames([0])).shape

    def close(self):
        self._decoded = self._decoder = self._stream = None
        if self._container is not None:
            self._container.close()
        self._container = None

    def _make_index(self):
        self._open()
        index = frame_index.index_packets(self._container, self._stream)
        if index is not None:
            self._open()
            if frame_index.is_as_decoded(index, self._container, self._stream):
                return index
        self._open()
        return frame_index.index_frames(self._container, self._stream)

    def _open(self):
        av = _import_av(f"Reading '{self.path}'")
        self.close()
        # "file:" for names that look like an address; lists of other files stay shut.
        name = f"file:{os.path.abspath(self.path)}"
        # Tags may be in any encoding; those that we look at are ASCII.
        self._container = av.open(
            name, options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
        self._stream = _best_stream(self._container, self.path)
        self._decoder = self._stream.codec_context
        tags = {key.lower(): value for key, value in self._stream.metadata.items()}
        if tags.get("alpha_mode") == "1":
            self._decoder = _alpha_decoder(av, self._decoder)
        # Several files are read at once, each by a thread of its caller's.
        self._decoder.thread_type = "NONE"
        self._decoder.thread_count = 1
        self._convert = FrameConverter(_pixel_aspect(self._stream, self.path))
        self._start_decoding()

    def _start_decoding(self):
        self._decoded = self._decode_packets()
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
                        f"'{self.name}' is damaged at frame {number}. Copy or convert "
                        "it again, or cut it."
                    )
                self._warn_of_hdr(frame, number)
                yield self._convert(frame)

    def _find(self, stamp):
        """The frame of a time stamp, or `None` if there is no such frame."""
        if self._container is None:
            self._open()
        keys = self._index.keys[self._index.keys <= stamp][::-1]
        if self._position is not None and keys[0] <= self._position < stamp:
            frame = self._search(stamp)
            if frame is not None:
                return frame
        # A seek may come out too late, and where pictures are refreshed part by part
        # one keyframe is not enough.
        for key in () if self._index.is_counted else keys[:3]:
            self._container.seek(int(key), stream=self._stream)  # pyright: ignore[reportOptionalMemberAccess]
            self._decoder.flush_buffers()
            self._start_decoding()
            frame = self._search(stamp)
            if frame is not None:
                return frame
        self._open()
        return self._search(stamp, skips=False)

    def _search(self, stamp, skips=True):
        """Decodes up to a time stamp; `None` if there is no such frame ahead."""
        # Frames that no other refers to need no decoding before the one wanted.
        self._skipped_before = stamp if skips and not self._index.is_counted else None
        self._position = None  # unknown after an error
        for frame in self._decoded:
            found = self._num_decoded if self._index.is_counted else frame.pts
            self._num_decoded += 1
            if found == stamp:
                self._position = stamp
                return frame
            if found is not None and found > stamp:
                return None
        return None

    def _decode_packets(self):
        av = _import_av()
        for packet in self._container.demux(self._stream):
            is_last = packet.dts is None and packet.pts is None
            if not packet.size and not is_last:
                continue  # stands for the frame before; would end the decoding
            is_skipped = (
                self._skipped_before is not None
                and packet.pts is not None
                and packet.pts < self._skipped_before
            )
            self._decoder.skip_frame = "NONREF" if is_skipped else "DEFAULT"
            try:
                yield from self._decoder.decode(packet)
            except av.error.FFmpegError:
                # The frames of the packets before, which the decoder holds back.
                yield from self._decoder.decode(None)
                raise

    def _warn_of_hdr(self, frame, number):
        trc = getattr(self._stream.codec_context, "color_trc", None)
        if number == 0 and trc in _HDR:
            warnings.warn(
                f"'{self.name}' is HDR (PQ or HLG); its levels are taken as those of "
                "ordinary video and look pale. Convert it to BT.709 first.",
                stacklevel=2,
            )

    def _explained(self, what):
        damage = (_import_av().error.FFmpegError,)
        way_out = "Copy or convert it again, or leave it out."
        return explained(f"'{self.name}'", what, way_out, VideoError, damage)


def _check_whole(path):
    with open(path, "rb") as file:
        size, declared = os.fstat(file.fileno()).st_size, declared_size(file)
    if declared is not None and size < declared:
        raise VideoError(
            _cut_off(path, f"it has {size:,} of {declared:,} bytes"),
        )


def _cut_off(path, why):
    return f"'{path}' is truncated: {why}. Copy it again, or leave it out."


def _best_stream(container, path):
    """The largest video stream, the first of such, but no cover picture."""
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None
        and not stream.disposition & stream.disposition.attached_pic
    ]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams})
        raise VideoError(
            f"'{path}' has no video, only {', '.join(kinds) or 'nothing'}. Leave it "
            "out."
        )
    best = max(streams, key=lambda stream: stream.width * stream.height)
    if best.width * best.height > MAX_PIXELS:
        raise VideoError(
            f"'{path}' has frames of {best.width} x {best.height} pixels, and at most "
            f"{MAX_PIXELS:,} are taken. Make it smaller."
        )
    return best


def _pixel_aspect(stream, path):
    """Width / height of a pixel; 1 where it is unknown."""
    aspect = stream.sample_aspect_ratio or 1
    if not 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT:
        raise VideoError(
            f"'{path}' says that its pixels are {aspect} times as wide as high, which "
            "would make frames too large. Convert it to square pixels."
        )
    return aspect


def _alpha_decoder(av, plain):
    name = _ALPHA_DECODERS.get(plain.name)
    if name is None:
        return plain
    decoder = av.CodecContext.create(name, "r")
    decoder.extradata = plain.extradata
    return decoder


def _import_av(name="Reading videos") -> Any:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"{name} needs PyAV: `pip install 'tfsigmavae[video]'`."
        ) from error
    return av
