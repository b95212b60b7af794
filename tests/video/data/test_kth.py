"""KTH from small avi files and a sequence file, odd where the published one is."""

import numpy as np
import pytest

from tfsigmavae_video.data import batches, load_clips
from tfsigmavae_video.data.kth import KTHSource
from tfsigmavae_video.data.kth_sequences import read_sequences

av = pytest.importorskip("av", reason="PyAV writes and reads the avi files")

SHAPE = (12, 16, 1)
# As the published file: words at the top, tabs, a missing video, ranges that overlap.
SEQUENCES = """\
Training:   person11, 12, 13, 14, 15, 16, 17, 18
Test:       person22, 02, 03, 05, 06, 07, 08, 09, 10

person01_boxing_d1\t\tframes\t1-10, 11-25, 21-30
person01_boxing_d4\t\tframes\t1-10, 11-40
person13_handclapping_d3\t*missing*
person20_walking_d2\t\tframes\t5-8,9-30
person21_walking_d2\t\tframes\t2-21
person25_running_d3\t\tframes\t1-3, 4-30,
"""
LENGTHS = {
    "boxing/person01_boxing_d1": 30,
    "boxing/person01_boxing_d4": 20,  # shorter than its frames say
    "walking/person20_walking_d2": 30,
    "walking/person21_walking_d2": 30,
    "person25_running_d3": 30,
}


def write_avi(path, frames, codec="ffv1", pixels="gray"):
    """`[T, H, W]` uint8; without loss by default."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = pixels
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode())


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    return {
        name.split("/")[-1]: rng.integers(0, 256, [length, *SHAPE[:2]], np.uint8)
        for name, length in LENGTHS.items()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory, frames):
    folder = tmp_path_factory.mktemp("kth")
    for name in LENGTHS:
        write_avi(folder / f"{name}_uncomp.avi", frames[name.split("/")[-1]])
    (folder / "00sequences.txt").write_bytes(SEQUENCES.replace("\n", "\r\n").encode())
    return folder


def test_each_range_is_a_clip_of_the_first_channel(root, frames, capsys):
    train = load_clips(root, "train", frame_shape=SHAPE)
    assert type(train) is KTHSource
    wanted = {
        "person01_boxing_d1@1": (0, 10),
        "person01_boxing_d1@11": (10, 25),
        "person01_boxing_d1@21": (20, 30),
        "person01_boxing_d4@1": (0, 10),
        # Its last frame may itself be cut, and is left out.
        "person01_boxing_d4@11": (10, 19),
        "person20_walking_d2@5": (4, 8),
        "person20_walking_d2@9": (8, 30),
    }
    assert train.clip_names == list(wanted)
    assert train.num_frames.tolist() == [end - first for first, end in wanted.values()]
    for number, (name, (first, end)) in enumerate(wanted.items()):
        clip = train(number, 1, end - first - 1)["frames"].numpy()
        truth = frames[name.split("@")[0]][first + 1 : end, :, :, None]
        np.testing.assert_array_equal(clip, truth)
    told = "person01_boxing_d4@11-40: the file ends at frame 20"
    assert list(train.skipped) == ["person01_boxing_d4@11-40"]
    assert told in capsys.readouterr().err
    test = load_clips(root, "test", frame_shape=SHAPE)
    names = ["person21_walking_d2@2", "person25_running_d3@1", "person25_running_d3@4"]
    assert test.clip_names == names and test.is_held_out


def test_short_clips_are_left_out_and_told(root, capsys):
    source = load_clips(root, "train", frame_shape=SHAPE, min_frames=10)
    assert source.num_frames.tolist() == [10, 15, 10, 10, 22]
    assert "person20_walking_d2@5: 4 frames, fewer than 10" in capsys.readouterr().err
    assert source.skipped["person01_boxing_d4@11"] == "9 frames, fewer than 10"
    batch = next(iter(batches(source, 10, 5, windows="random", seed=1)))
    assert batch.shape == (5, 10, *SHAPE)
    with pytest.raises(ValueError, match="no clips of split 'test', persons 21 to 25"):
        load_clips(root, "test", frame_shape=SHAPE, min_frames=31)


def test_files_that_are_no_videos_are_left_out_and_told(root, frames, tmp_path, capsys):
    for file in root.rglob("*.*"):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "person02_boxing_d1_uncomp.avi").write_bytes(b"RIFF and nothing more")
    (tmp_path / "person03_boxing_d1_uncomp.avi").symlink_to(
        root / "person25_running_d3_uncomp.avi"
    )
    source = load_clips(tmp_path, frame_shape=SHAPE)
    assert len(source) == 7
    assert "person02_boxing_d1_uncomp.avi" in source.skipped["person02_boxing_d1"]
    assert "tells no frames" in source.skipped["person03_boxing_d1"]
    assert "person02_boxing_d1: " in capsys.readouterr().err


def area_matrix(size, wanted):
    """`[wanted, size]`: the mean over each pixel's share of the old ones."""
    edges = np.arange(wanted + 1) * size / wanted
    old = np.arange(size)
    low = np.maximum(edges[:-1, None], old)
    high = np.minimum(edges[1:, None], old + 1)
    return np.maximum(high - low, 0.0) * wanted / size


def test_frames_are_stretched_by_the_mean_over_areas(tmp_path):
    """160 x 120 to 64 x 64, as the published ones are."""
    y, x = np.mgrid[:120, :160]
    waves = [128 + 60 * np.sin(x / 12 + t) * np.cos(y / 9) for t in range(2)]
    pictures = np.array(waves).astype(np.uint8)
    write_avi(tmp_path / "person01_boxing_d1_uncomp.avi", pictures)
    (tmp_path / "00sequences.txt").write_text("person01_boxing_d1 frames 1-2")
    got = load_clips(tmp_path, frame_shape=(64, 64, 1))(0, 0, 2)["frames"].numpy()
    wanted = area_matrix(120, 64) @ pictures @ area_matrix(160, 64).T
    # Pillow's box takes whole pixels at its edges: 0.9 of 255 levels here on average.
    difference = got[..., 0] - wanted
    assert abs(difference).max() < 5 and abs(difference.mean()) < 0.5


def test_real_clips_come_back_from_the_codec_of_the_published_files(
    shared_data, tmp_path
):
    clips = np.load(shared_data("kth_real_2seq.npz"))
    for person, clip in zip(("01", "21"), clips.values(), strict=False):
        file = tmp_path / f"person{person}_running_d1_uncomp.avi"
        write_avi(file, clip[..., 0], "mpeg4", "yuv420p")
    (tmp_path / "00sequences.txt").write_text(
        "person01_running_d1 frames 1-20, 21-40\nperson21_running_d1 frames 1-40\n"
    )
    truth = list(clips.values())[0][21:40, :, :, :1].astype(float)
    got = load_clips(tmp_path, frame_shape=(64, 64, 1))(1, 1, 19)["frames"].numpy()
    psnr = 10 * np.log10(255**2 / np.mean((got - truth) ** 2))
    assert psnr > 30, psnr  # a lossy codec; a wrong frame has about 20
    assert len(load_clips(tmp_path, "test", frame_shape=(64, 64, 1))) == 1


def test_the_sequence_file_is_needed(root, tmp_path):
    (tmp_path / "person01_boxing_d1_uncomp.avi").touch()
    with pytest.raises(
        FileNotFoundError, match="no '00sequences.txt'.*data download kth"
    ):
        load_clips(tmp_path, frame_shape=SHAPE)


def test_sequences_are_read_as_they_stand(root):
    assert read_sequences(root / "00sequences.txt") == {
        "person01_boxing_d1": [(0, 10), (10, 25), (20, 30)],
        "person01_boxing_d4": [(0, 10), (10, 40)],
        "person20_walking_d2": [(4, 8), (8, 30)],
        "person21_walking_d2": [(1, 21)],
        "person25_running_d3": [(0, 3), (3, 30)],
    }


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "tells the frames of no video.*copy it again"),
        ("person01_boxing_d1 frames", "Line 1 of '.*ends with 'frames'"),
        ("\nperson01_boxing_d1 frames 1-9, x", "Line 2 of"),
        ("person01_boxing_d1 frames 0-9", "counted from 1"),
        ("person01_boxing_d1 frames 9-2", "counted from 1"),
    ],
)
def test_a_line_that_is_not_understood_is_named(tmp_path, text, message):
    file = tmp_path / "00sequences.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sequences(file)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"frame_shape": (64, 64, 3)},
            r"KTH must be \(height, width, 1\).*--channels 1",
        ),
        ({"with_actions": True}, "without `actions`"),
        ({"split": "val"}, "Unknown split 'val'"),
        ({"min_frames": 0}, "`min_frames` must be"),
    ],
)
def test_wrong_options_are_errors(root, options, message):
    with pytest.raises(ValueError, match=message):
        load_clips(root, **{"frame_shape": SHAPE, **options})
