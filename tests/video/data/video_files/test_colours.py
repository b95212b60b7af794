"""Colours are those of FFmpeg, and of the standards' matrices."""

import subprocess

import numpy as np
import pytest

from tfsigmavae_video.data.video_files import open_video

av = pytest.importorskip("av", reason="video containers are read by PyAV")

LIMITED, FULL = 1, 2
# Number of the matrix -> (red's, blue's) share of luma: BT.709, BT.601 by two
# numbers, unspecified, BT.2020.
MATRICES = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    2: (0.299, 0.114),
    9: (0.2627, 0.0593),
}
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"]


# Where the chroma of neighbouring blocks takes no part.
MIDDLES = np.ix_(*[np.arange(size) % 16 // 2 % 7 // 3 == 1 for size in (32, 64)])


def _planes(seed=0):
    """Y, Cb and Cr in levels of 8 bits, [3, 32, 64], in blocks of 16."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(60, 200, [3, 2, 4])
    levels[1:] = rng.integers(100, 156, levels[1:].shape)  # inside RGB's cube
    return np.kron(levels, np.ones([16, 16], int))


def _write(path, planes, pix_fmt, matrix, levels):
    depth = 10 if "10" in pix_fmt else 8
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = planes.shape[1:]
        stream.pix_fmt = pix_fmt
        frame = av.VideoFrame(stream.width, stream.height, pix_fmt)
        for plane, values in zip(frame.planes, planes, strict=True):
            step = stream.height // plane.height, stream.width // plane.width
            values = values[:: step[0], :: step[1]] << (depth - 8)
            dtype = np.uint8 if depth == 8 else np.dtype("<u2")
            rows = np.zeros([plane.height, plane.line_size], np.uint8)
            row_bytes = np.ascontiguousarray(values.astype(dtype)).view(np.uint8)
            rows[:, : row_bytes.shape[1]] = row_bytes
            plane.update(rows)
        for holder in (stream.codec_context, frame):
            holder.colorspace, holder.color_range = matrix, levels
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _rgb(planes, matrix, levels):
    """The standards' equations: ITU-T H.273, section 8.3."""
    red, blue = MATRICES[matrix]
    luma, *chroma = planes.astype(float)
    if levels == FULL:
        luma, chroma = luma / 255, [(c - 128) / 255 for c in chroma]
    else:
        luma, chroma = (luma - 16) / 219, [(c - 128) / 224 for c in chroma]
    r, b = luma + 2 * (1 - red) * chroma[1], luma + 2 * (1 - blue) * chroma[0]
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return 255 * np.clip(np.stack([r, g, b], -1), 0, 1)


def _by_ffmpeg(path, height, width):
    program = pytest.importorskip(
        "imageio_ffmpeg", reason="the oracle is FFmpeg's own program"
    ).get_ffmpeg_exe()
    options = "-f rawvideo -pix_fmt rgb24 -".split()
    command = [program, "-v", "error", "-i", path, *options]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(output, np.uint8).reshape(height, width, 3).astype(int)


@pytest.mark.parametrize("levels", [LIMITED, FULL], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_rgb_is_that_of_the_matrix_and_range(tmp_path, matrix, levels):
    for pix_fmt in FORMATS if matrix == 1 else FORMATS[:1]:
        planes, path = _planes(), tmp_path / f"{pix_fmt}.mkv"
        _write(path, planes, pix_fmt, matrix, levels)
        with open_video(path) as video:
            frame = video.read([0])[0].astype(int)
        # FFmpeg's fixed-point tables are that coarse.
        error = np.abs(frame - _rgb(planes, matrix, levels))
        assert error[MIDDLES].max() <= 3.5, pix_fmt
        assert np.abs(frame - _by_ffmpeg(path, 32, 64)).max() <= 2, pix_fmt


def test_matrices_and_ranges_differ(tmp_path):
    """By more than the tolerance above, which would not see a mistake otherwise."""
    planes = _planes()
    frames = [_rgb(planes, m, r) for m in (1, 5) for r in (LIMITED, FULL)]
    for number, frame in enumerate(frames):
        for other in frames[:number]:
            assert np.abs(frame - other).max() > 8


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gray16le"])
def test_grey_has_one_channel(tmp_path, pix_fmt):
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = tmp_path / "grey.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 16, 16, pix_fmt
        picture = av.VideoFrame.from_ndarray(frame, "gray").reformat(format=pix_fmt)
        container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with open_video(path) as video:
        assert video.shape == (16, 16, 1)
        grey = video.read([0])[0].astype(int)
    assert np.abs(grey - _by_ffmpeg(path, 16, 16)).max() <= 2
    assert np.abs(grey[..., 0] - frame).max() <= 1
