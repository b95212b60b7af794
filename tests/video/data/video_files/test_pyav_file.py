"""Containers: each frame, at its time, from anywhere, upright."""

import fractions
import subprocess

import numpy as np
import pytest
from written_videos import moving_frames, write_video

from tfsigmavae_video.data.video_files import Framing, VideoError, open_video
from tfsigmavae_video.data.video_files.pyav_file import PyAVFile

av = pytest.importorskip("av", reason="video containers are read by PyAV")

FRAMES = moving_frames(30)
GOP = {"g": "8"}
B_FRAMES = {"g": "8", "bf": "2"}
X265 = {"x265-params": "keyint=8:bframes=3:log-level=none"}
OPEN_GOP = {"x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0"}
# Name of a file -> how it is written.
WRITTEN = {
    "h264.mp4": {"options": B_FRAMES},
    "open_gop.mkv": {"options": OPEN_GOP},
    "refreshed.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=8"}},
    "hevc.mov": {"codec": "libx265", "options": X265},
    "h264.avi": {"options": B_FRAMES},
    "mpeg4.avi": {"codec": "mpeg4", "options": B_FRAMES},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": B_FRAMES, "rate": 25},
    "h264.ts": {"options": B_FRAMES},
    "raw.h264": {"options": B_FRAMES},
    "vp8.webm": {"codec": "libvpx", "options": GOP},
    "vp9.webm": {"codec": "libvpx-vp9", "options": GOP},
    "fragments.mp4": {
        "options": B_FRAMES,
        "container_options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "wmv2.wmv": {"codec": "wmv2", "options": GOP},
    "lossless.mkv": {"codec": "ffv1", "pix_fmt": "bgr0"},
    "lossless.mp4": {"codec": "libx264rgb", "pix_fmt": "rgb24", "options": {"qp": "0"}},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    for name, how in WRITTEN.items():
        write_video(folder / name, FRAMES, **how)
    return folder


@pytest.fixture(scope="module")
def by_ffmpeg():
    """`by_ffmpeg(path, height, width)`: the RGB frames of FFmpeg's program."""
    program = pytest.importorskip(
        "imageio_ffmpeg", reason="the oracle is FFmpeg's own program"
    ).get_ffmpeg_exe()

    def decode(path, height=48, width=64, pix_fmt="rgb24"):
        # Every frame once, whatever its time.
        options = "-fps_mode passthrough -f rawvideo -pix_fmt".split()
        command = [program, "-v", "error", "-i", path, *options, pix_fmt, "-"]
        output = subprocess.run(command, capture_output=True, check=True).stdout
        return np.frombuffer(output, np.uint8).reshape(-1, height, width, 3)

    return decode


def _psnr(one, other):
    return -10 * np.log10(np.mean((one / 255.0 - other / 255.0) ** 2))


@pytest.mark.parametrize("name", WRITTEN)
def test_frames_are_those_written(written, by_ffmpeg, name):
    with open_video(written / name) as video:
        assert video.num_frames == 30 and video.shape == (48, 64, 3)
        frames = video.read(range(30))
    # The same library with the same conversion.
    np.testing.assert_array_equal(frames, by_ffmpeg(written / name))
    if name.startswith("lossless"):
        np.testing.assert_array_equal(frames, FRAMES)
    else:  # chroma at half size, small pictures
        assert _psnr(frames, FRAMES) > 23


@pytest.mark.parametrize("name", WRITTEN)
def test_any_frame_is_that_of_a_whole_reading(written, name):
    rng = np.random.default_rng(0)
    with open_video(written / name) as video, open_video(written / name) as other:
        frames = other.read(range(30))
        for number in reversed(range(30)):
            np.testing.assert_array_equal(video.read([number])[0], frames[number])
        for stride in (1, 3, 7):
            start = int(rng.integers(0, 8))
            numbers = range(start, 30, stride)
            np.testing.assert_array_equal(video.read(numbers), frames[numbers])
        for _ in range(8):
            numbers = np.sort(rng.choice(30, 4, replace=False))
            np.testing.assert_array_equal(video.read(numbers), frames[numbers])


@pytest.mark.parametrize("name", WRITTEN)
def test_times_are_those_written(written, name):
    rate = 25 if name in ("mpeg2.mpg", "raw.h264") else 10  # 25 where none is stored
    with open_video(written / name) as video:
        # Some containers count milliseconds.
        np.testing.assert_allclose(video.times, np.arange(30) / rate, atol=1e-3)


def test_times_of_a_variable_rate(tmp_path):
    stamps = [0, 1, 2, 5, 6, 20, 21]
    path = write_video(tmp_path / "a.mp4", FRAMES[:7], stamps=stamps, options=B_FRAMES)
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, np.array(stamps) / 10)


def test_times_begin_with_the_first_frame(tmp_path):
    stamps = [7, 8, 9]
    path = write_video(tmp_path / "a.mkv", FRAMES[:3], stamps=stamps)
    with open_video(path) as video:
        np.testing.assert_allclose(video.times, [0.0, 0.1, 0.2], atol=1e-9)


def test_frames_cut_off_by_an_edit_list_are_not_shown(tmp_path, by_ffmpeg, written):
    """A cut without encoding keeps the frames from the keyframe on, hidden."""
    import imageio_ffmpeg

    program = imageio_ffmpeg.get_ffmpeg_exe()
    cut = tmp_path / "cut.mp4"
    command = f"-v error -ss 1.15 -i {written / 'h264.mp4'} -c copy {cut}"
    subprocess.run([program, *command.split()], check=True)
    with open_video(written / "h264.mp4") as video, open_video(cut) as rest:
        assert rest.num_frames == 18
        np.testing.assert_array_equal(rest.read(range(18)), video.read(range(12, 30)))
        assert rest.times[0] == 0.0
        np.testing.assert_array_equal(by_ffmpeg(cut), rest.read(range(18)))


# Columns are the images of the x and y axes, in the file's 16.16 numbers.
ONE = 1 << 16
TURNS = {
    "upright": ((ONE, 0, 0, ONE), lambda frame: frame),
    "90": ((0, ONE, -ONE, 0), lambda frame: np.rot90(frame, -1)),
    "180": ((-ONE, 0, 0, -ONE), lambda frame: np.rot90(frame, 2)),
    "270": ((0, -ONE, ONE, 0), lambda frame: np.rot90(frame, 1)),
    "mirrored": ((-ONE, 0, 0, ONE), lambda frame: frame[:, ::-1]),
    "transposed": ((0, ONE, ONE, 0), lambda frame: frame.swapaxes(0, 1)),
}


@pytest.fixture(params=TURNS)
def turned(request, written, tmp_path):
    """A copy of a video with another display matrix in its header, and the turn."""
    (a, b, c, d), turn = TURNS[request.param]
    data = bytearray((written / "h264.mp4").read_bytes())
    start = data.index(b"tkhd") + 44
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    data[start : start + 36] = matrix
    path = tmp_path / "turned.mp4"
    path.write_bytes(data)
    return path, turn


def test_frames_are_upright(turned, written, by_ffmpeg):
    path, turn = turned
    with open_video(written / "h264.mp4") as video:
        stored = video.read([0, 9])
    with open_video(path) as video:
        frames = video.read([0, 9])
        assert video.shape == frames.shape[1:]
        small = video.read([9], Framing((24, 24, 3)))[0]
    np.testing.assert_array_equal(frames, [turn(frame) for frame in stored])
    np.testing.assert_array_equal(by_ffmpeg(path, *frames.shape[1:3])[[0, 9]], frames)
    expected = Framing((24, 24, 3))(np.ascontiguousarray(frames[1]))
    # A turned frame is resized the other way round: sums in float32 may differ.
    assert np.abs(small.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("aspect", [(4, 3), (3, 4), (1, 1)])
def test_pixels_are_made_square(tmp_path, aspect):
    path = write_video(
        tmp_path / "a.mp4", FRAMES[:2], pixel_aspect=fractions.Fraction(*aspect)
    )
    shape = {(4, 3): (48, 85, 3), (3, 4): (64, 64, 3), (1, 1): (48, 64, 3)}[aspect]
    with open_video(path) as video:
        assert video.shape == shape
        assert video.read([0, 1]).shape == (2, *shape)


@pytest.mark.parametrize("aspect", [(17, 1), (1, 17)])
def test_absurd_pixels_are_refused(tmp_path, aspect):
    """A damaged number would make one frame fill the memory."""
    path = write_video(
        tmp_path / "a.mov", FRAMES[:2], pixel_aspect=fractions.Fraction(*aspect)
    )
    with pytest.raises(VideoError, match="a.mov' says that its pixels are"):
        open_video(path)


def test_the_largest_stream_is_read(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=10) for _ in range(2)]
        for stream, size in zip(streams, (16, 32), strict=True):
            stream.width, stream.height, stream.pix_fmt = size, size, "bgr0"
        for stream, size in zip(streams, (16, 32), strict=True):
            frame = np.full([size, size, 3], size, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
            container.mux(stream.encode())
    with open_video(path) as video:
        assert video.shape == (32, 32, 3) and np.all(video.read([0]) == 32)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9", "ffv1", "prores_ks"])
def test_alpha_is_kept(tmp_path, codec):
    frames = np.full([2, 48, 64, 4], 255, np.uint8)
    frames[..., :3] = FRAMES[:2]
    frames[:, :, :32, 3] = 40
    path = tmp_path / ("a.webm" if "vpx" in codec else "a.mov")
    options = {"auto-alt-ref": "0"} if codec == "libvpx" else {}
    pix_fmt = {"ffv1": "bgra", "prores_ks": "yuva444p10le"}.get(codec, "yuva420p")
    if codec == "prores_ks":
        options = {"profile": "4444", "alpha_bits": "16"}
    if codec == "ffv1":
        path = path.with_suffix(".mkv")
    metadata = {"alpha_mode": "1"} if "vpx" in codec else {}
    write_video(path, frames, codec, pix_fmt, options=options, metadata=metadata)
    with open_video(path) as video:
        assert video.shape == (48, 64, 4)
        found = video.read([0, 1])
        with pytest.raises(VideoError, match="transparent.*alpha="):
            video.read([0], Framing((48, 64, 3)))
    error = np.abs(found[..., 3].astype(int) - frames[..., 3])
    assert error[:, 8:-8, 8:24].max() <= 8 and error[:, 8:-8, 40:].max() <= 8


def test_hdr_is_warned_of(tmp_path):
    path = write_video(
        tmp_path / "a.mkv", FRAMES[:1], "ffv1", "yuv420p10le", colour=(9, 1), trc=16
    )
    with pytest.warns(UserWarning, match="HDR"), open_video(path) as video:
        assert video.read([0]).shape == (1, 48, 64, 3)


def test_reading_goes_on_after_close(written):
    video = open_video(written / "h264.mp4")
    first = video.read([3, 4])
    video.close()
    video.close()
    np.testing.assert_array_equal(video.read([3, 4]), first)
    video.close()


def test_numbers_are_checked(written):
    with open_video(written / "h264.mp4") as video:
        with pytest.raises(IndexError, match="frames 0 to 29, got 30"):
            video.read([0, 30])
        with pytest.raises(IndexError, match="got -1"):
            video.read([-1])
        with pytest.raises(ValueError, match="must increase"):
            video.read([3, 3])
        assert video.read([]).shape == (0, 48, 64, 3)
        with pytest.raises(VideoError, match="one video"):
            open_video(written / "h264.mp4", member=0)


def test_frames_before_the_one_wanted_are_skipped(written, monkeypatch):
    """Only where that is faster: where no other frame refers to them."""
    with open_video(written / "h264.mp4") as video:
        decoded = []
        plain = PyAVFile._decode_packets

        def counted(self):
            for frame in plain(self):
                decoded.append(frame.pts)
                yield frame

        monkeypatch.setattr(PyAVFile, "_decode_packets", counted)
        video.read([15])
    assert 0 < len(decoded) < 8  # of the 8 from the keyframe on


@pytest.mark.parametrize(
    "name", ["a b ü 日本.mp4", "http:a.mp4", "100%03d.mp4", "-i.mp4"]
)
def test_names_are_only_names(written, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes((written / "h264.mp4").read_bytes())
    monkeypatch.chdir(tmp_path)
    with open_video(name) as video:
        assert video.num_frames == 30
