"""Damaged, odd and foreign files: read as they are, or refused by name and reason."""

import io
import os
import struct

import numpy as np
import pytest
from PIL import Image
from written_videos import moving_frames, write_video

from tfsigmavae_video.data.video_files import VideoError, list_videos, open_video
from tfsigmavae_video.data.video_files.container_size import declared_size

av = pytest.importorskip("av", reason="video containers are read by PyAV")

FRAMES = moving_frames(20)
FRONT = {"container_options": {"movflags": "faststart"}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Function, suffix -> bytes of a sound video."""
    folder = tmp_path_factory.mktemp("sound")
    how = {"mp4": FRONT, "avi": {"codec": "mpeg4"}, "webm": {"codec": "libvpx"}}
    how |= {"flv": {"codec": "flv1"}, "h264": {}}
    how |= {"mkv": {}, "mov": {}, "ts": {}, "mpg": {"codec": "mpeg2video", "rate": 25}}
    made = {}

    def make(suffix):
        if suffix not in made:
            path = folder / f"a.{suffix}"
            made[suffix] = write_video(path, FRAMES, **how[suffix]).read_bytes()
        return made[suffix]

    return make


def _audio(suffix, cover=None):
    file = io.BytesIO()
    with av.open(file, "w", format=suffix) as container:
        stream = container.add_stream("libmp3lame", rate=44100)
        samples = np.zeros([1, 44100], np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _picture(format, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, format)
    return file.getvalue()


def _with_cover(mp3):
    """An ID3 tag with a cover picture before the sound."""
    body = b"\0image/png\0\3\0" + _picture("PNG")
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frame + mp3


def _cut(data, share):
    return data[: int(share * len(data))]


TEXT = b"frame,x,y\n" + 40 * b"1,2,3\n"
# What is wrong -> (name, function of `data` giving the bytes, words of the message).
REFUSED = {
    "zero bytes": ("a.mp4", lambda data: b"", "is empty"),
    "zeros only": ("a.mp4", lambda data: bytes(5000), "cannot be opened as a video"),
    "text": ("a.mp4", lambda data: TEXT, "cannot be opened as a video"),
    "web page": ("a.mp4", lambda data: b"<!DOCTYPE html>" + TEXT, "cannot be opened"),
    "play list": ("a.mp4", lambda data: b"#EXTM3U\n#EXTINF:1,\na.ts\n", "a.mp4"),
    "no moov": ("a.mp4", lambda data: _cut(data("mov"), 0.8), "truncated"),
    "mp4 cut off": ("a.mp4", lambda data: _cut(data("mp4"), 0.8), "truncated.*bytes"),
    "avi cut off": ("a.avi", lambda data: _cut(data("avi"), 0.8), "truncated.*bytes"),
    "webm cut off": ("a.webm", lambda data: _cut(data("webm"), 0.8), "truncated"),
    "mkv cut off": ("a.mkv", lambda data: _cut(data("mkv"), 0.8), "truncated"),
    # It declares no size; its last packet does.
    "flv cut off": ("a.flv", lambda data: data("flv")[:-20], "last frame is not whole"),
    "ts cut off": ("a.ts", lambda data: data("ts")[:-50], "truncated.*bytes"),
    "m2ts cut off": ("a.ts", lambda data: _m2ts(data("ts"))[:-50], "truncated.*bytes"),
    "mp4 without head": ("a.mp4", lambda data: data("mp4")[700:], "a.mp4"),
    "mkv without head": ("a.mkv", lambda data: data("mkv")[700:], "a.mkv"),
    "head only": ("a.mp4", lambda data: data("mp4")[:24], "a.mp4"),
    "sound only": ("a.mp4", lambda data: _audio("mp4"), "has no video, only audio"),
    "sound, cover": ("a.mp3", lambda data: _with_cover(_audio("mp3")), "no video"),
    "gif cut off": ("a.gif", lambda data: _cut(_picture("GIF"), 0.9), "truncated"),
    "png cut off": ("a.png", lambda data: _cut(_picture("PNG"), 0.8), "truncated"),
    "webp cut off": ("a.webp", lambda data: _cut(_picture("WEBP"), 0.8), "truncated"),
    "npy cut off": ("a.npy", lambda data: _npy()[:-9], "NumPy"),
    "npz cut off": ("a.npz", lambda data: _npz()[:-9], "a.npz"),
    "zip of others": ("a.zip", lambda data: _zip(), "holds no arrays"),
}


def _npy():
    file = io.BytesIO()
    np.save(file, FRAMES[:2])
    return file.getvalue()


def _npz():
    file = io.BytesIO()
    np.savez(file, FRAMES[:2])
    return file.getvalue()


def _zip():
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


@pytest.mark.parametrize("what", REFUSED)
def test_files_that_are_no_video_are_refused(tmp_path, data, what):
    name, make, words = REFUSED[what]
    path = tmp_path / name
    path.write_bytes(make(data))
    with pytest.raises(VideoError, match=words) as caught:
        for found in list_videos(path):
            open_video(*found).close()
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def _m2ts(ts):
    return b"".join(bytes(4) + ts[n : n + 188] for n in range(0, len(ts), 188))


def _in_latin_1(data):
    assert b"Lavf" in data
    return data.replace(b"Lavf", "Lävf".encode("latin-1"))


# What is odd -> (name, function of `data`, number of frames).
READ = {
    "mp4 named avi": ("a.avi", lambda data: data("mp4"), 20),
    "avi named mp4": ("a.mp4", lambda data: data("avi"), 20),
    "no suffix": ("a", lambda data: data("webm"), 20),
    "gif named mp4": ("a.mp4", lambda data: _picture("GIF"), 1),
    "png named mp4": ("a.mp4", lambda data: _picture("PNG"), 1),
    "webp named gif": ("a.gif", lambda data: _picture("WEBP"), 1),
    "jpeg named mp4": ("a.mp4", lambda data: _picture("JPEG"), 1),
    "npy named mp4": ("a.mp4", lambda data: _npy(), 2),
    "bytes after the end": ("a.mp4", lambda data: data("mp4") + bytes(99), 20),
    "text after mp4": ("a.mp4", lambda data: data("mp4") + TEXT, 20),
    "text after mov": ("a.mov", lambda data: data("mov") + TEXT, 20),
    "text after ts": ("a.ts", lambda data: data("ts") + TEXT, 20),
    "m2ts": ("a.m2ts", lambda data: _m2ts(data("ts")), 20),
    "ts from the middle": ("a.ts", lambda data: data("ts")[188 * 3 :], None),
    "tag in Latin-1": ("a.avi", lambda data: _in_latin_1(data("avi")), 20),
    "upper case": ("A.MP4", lambda data: data("mp4"), 20),
    "blank and unicode": (" ä 日 .mp4", lambda data: data("mp4"), 20),
}


@pytest.mark.parametrize("what", READ)
def test_odd_files_are_read(tmp_path, data, what):
    name, make, num_frames = READ[what]
    path = tmp_path / name
    path.write_bytes(make(data))
    [found] = list_videos(path)
    with open_video(*found) as video:
        assert num_frames in (None, video.num_frames)
        frames = video.read(range(video.num_frames))
        assert frames.shape == (video.num_frames, *video.shape)


@pytest.mark.parametrize(
    ("height", "width", "pix_fmt", "codec"),
    [
        (47, 63, "yuv444p", "libx264"),
        (47, 63, "yuv420p", "libvpx-vp9"),
        (1, 1, "bgr0", "ffv1"),
        (2, 300, "bgr0", "ffv1"),
        (48, 64, "yuv420p10le", "libx265"),
        (2160, 3840, "yuvj420p", "mjpeg"),
    ],
)
def test_odd_sizes_and_depths_are_read(tmp_path, height, width, pix_fmt, codec):
    frames = moving_frames(2, min(height, 216), min(width, 384))
    if height == 2160:
        frames = frames.repeat(10, axis=1).repeat(10, axis=2)
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    write_video(tmp_path / "a.mkv", frames, codec, pix_fmt, options=options)
    with open_video(tmp_path / "a.mkv") as video:
        read = video.read([0, 1])
    assert read.shape == frames.shape
    assert np.abs(read.astype(int) - frames).mean() < 8


def test_one_frame_is_a_video(tmp_path):
    write_video(tmp_path / "a.mp4", FRAMES[:1])
    with open_video(tmp_path / "a.mp4") as video:
        assert video.num_frames == 1 and video.times.tolist() == [0.0]


@pytest.mark.parametrize("suffix", ["mp4", "avi", "webm", "mpg"])
def test_flipped_bits_are_an_error_or_frames(tmp_path, data, suffix):
    """Decoders hide some damage, as all players do; none of it ends the process."""
    rng = np.random.default_rng(0)
    path = tmp_path / f"a.{suffix}"
    for _ in range(6):
        damaged = bytearray(data(suffix))
        for place in rng.integers(len(damaged) // 3, len(damaged), 5):
            damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            with open_video(path) as video:
                assert video.read(range(video.num_frames)).shape[1:] == video.shape
        except VideoError as error:
            assert str(path) in str(error)


def test_a_frame_after_damage_can_be_read_before_it_too(tmp_path):
    """An error at one frame leaves the others."""
    path = write_video(tmp_path / "a.mp4", FRAMES, options={"g": "5", "bf": "0"})
    with open_video(path) as video:
        good = video.read(range(20))
    entries = av.open(str(path)).streams.video[0].index_entries
    entry = entries[10]
    damaged = bytearray(path.read_bytes())
    damaged[entry.pos : entry.pos + entry.size] = bytes(entry.size)
    path.write_bytes(damaged)
    with open_video(path) as video:
        with pytest.raises(VideoError, match="frame 10"):
            video.read(range(20))
        np.testing.assert_array_equal(video.read(range(10)), good[:10])
        np.testing.assert_array_equal(video.read([15, 19]), good[[15, 19]])


def test_a_frame_that_is_half_there_is_an_error(tmp_path, data):
    """A raw stream declares no size at all; FFmpeg fills the rest with grey."""
    path = tmp_path / "a.h264"
    path.write_bytes(data("h264")[:-20])
    with open_video(path) as video:
        assert video.num_frames == 20 and len(video.read(range(19))) == 19
        with pytest.raises(VideoError, match="a.h264' is damaged at frame 19"):
            video.read([19])


def test_sizes_that_change_are_an_error(tmp_path):
    path = tmp_path / "a.mjpeg"
    file = io.BytesIO()
    for size in (16, 16, 24):
        Image.new("RGB", (size, 16)).save(file, "JPEG")
    path.write_bytes(file.getvalue())
    with open_video(path) as video:
        assert video.read([0, 1]).shape == (2, 16, 16, 3)
        with pytest.raises(VideoError, match="changes in frame 2"):
            video.read([1, 2])


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        open_video(tmp_path / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nothing.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, words in {
        "folder.mp4": "must hold numbered pictures",
        "loop.mp4": "is unreadable",
        "dangling.mp4": "is a link to nothing",
        "pipe.mp4": "is a pipe",
    }.items():
        with pytest.raises(VideoError, match=words):
            open_video(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_files_that_may_not_be_read(tmp_path, data):
    path = tmp_path / "a.mp4"
    path.write_bytes(data("mp4"))
    path.chmod(0)
    with pytest.raises(VideoError, match="Permission denied"):
        open_video(path)


def test_missing_package_names_the_command(tmp_path, data, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_bytes(data("mp4"))
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'tfsigmavae\[video\]'"):
        open_video(path)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "avi", "mkv", "webm", "ts"])
def test_containers_declare_their_size(data, suffix):
    whole = data(suffix)
    assert declared_size(io.BytesIO(whole)) == len(whole)
    half = len(whole) // 2 + (suffix == "ts" and len(whole) // 2 % 188 == 0)
    assert declared_size(io.BytesIO(whole[:half])) > half


def test_other_formats_declare_no_size(data):
    for found in (data("mpg"), TEXT, b"", bytes(99)):
        assert declared_size(io.BytesIO(found)) is None
