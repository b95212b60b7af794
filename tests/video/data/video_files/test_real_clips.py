"""Real clips, written in each format and read again."""

import numpy as np
import pytest
from PIL import Image
from written_videos import write_video

from tfsigmavae_video.data.video_files import Framing, list_videos, open_video
from tfsigmavae_video.pictures.animation import write_animation

pytest.importorskip("av", reason="video containers are read by PyAV")

SHAPE = (64, 64, 3)


@pytest.fixture(scope="module")
def clip(shared_data):
    with np.load(shared_data("clips64.npz")) as clips:
        return clips["carphone_pristine"][:24]


def _read(path):
    [found] = list_videos(path)
    with open_video(*found) as video:
        assert video.num_frames == 24 and video.shape[:2] == SHAPE[:2]
        return video.read(range(24), Framing(SHAPE))


def test_lossless_formats_are_exact(clip, tmp_path):
    np.save(tmp_path / "a.npy", clip)
    np.savez_compressed(tmp_path / "a.npz", clip)
    write_animation(tmp_path / "a.png", clip)
    write_animation(tmp_path / "a.webp", clip)
    write_video(tmp_path / "a.mkv", clip, "ffv1", "bgr0")
    (tmp_path / "folder").mkdir()
    for number, frame in enumerate(clip):
        Image.fromarray(frame).save(tmp_path / "folder" / f"{number}.png")
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_array_equal(_read(path), clip, err_msg=path.name)


def test_gif_is_exact_for_what_its_palettes_hold(clip, tmp_path):
    grey = clip[..., :1]
    np.testing.assert_array_equal(
        _read(write_animation(tmp_path / "grey.gif", grey)), grey.repeat(3, -1)
    )
    colour = _read(write_animation(tmp_path / "colour.gif", clip))
    assert _psnr(colour, clip) > 35


def test_h264_and_vp9_are_close(clip, tmp_path):
    # Full chroma: at half size it alone costs some of these clips more than 35 dB.
    h264 = {"options": {"crf": "15"}, "pix_fmt": "yuv444p", "colour": (1, 1)}
    vp9 = {"options": {"crf": "10", "b": "0"}, "pix_fmt": "yuv444p", "colour": (1, 1)}
    for name, how in (("a.mp4", h264), ("a.webm", {"codec": "libvpx-vp9", **vp9})):
        path = write_video(tmp_path / name, clip, **how)
        assert _psnr(_read(path), clip) > 35, name


def test_h264_with_small_chroma_keeps_the_luma(clip, tmp_path):
    path = write_video(tmp_path / "a.mp4", clip, options={"crf": "15"})
    luma = np.array([0.299, 0.587, 0.114])
    assert _psnr(_read(path) @ luma, clip @ luma) > 35


def _psnr(one, other):
    return -10 * np.log10(np.mean((one / 255.0 - other / 255.0) ** 2))
