"""A folder of videos, converted: the habits of those who have one."""

import gc

import imageio.v3 as iio
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfsigmavae_video.data import convert_clips, load_clips
from tfsigmavae_video.data.folder import VideoFolder
from tfsigmavae_video.data.video_files import open_video

SHAPE = (8, 8, 3)


def write_mp4(path, num_frames, seed=0, size=16):
    av = pytest.importorskip("av", reason="writes videos by PyAV")
    pixels = np.random.default_rng(seed).integers(0, 256, [num_frames, 4, 4, 3], "u1")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "7"})
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for image in pixels.repeat(size // 4, 1).repeat(size // 4, 2):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_gif(path, num_frames, seed=0):
    levels = np.random.default_rng(seed).integers(0, 256, [num_frames, 8, 8], "u1")
    frames = [Image.fromarray(frame) for frame in levels]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Films, a GIF, arrays and pictures; one damaged, one short, one no video."""
    root = tmp_path_factory.mktemp("films") / "my videos"
    for split in ("train", "test"):
        (root / split).mkdir(parents=True)
    write_mp4(root / "train" / "long.mp4", 40)
    write_mp4(root / "train" / "short.mp4", 3)
    write_mp4(root / "train" / "ünïcode name.mp4", 11, seed=1)
    (root / "train" / "empty.mp4").touch()
    write_gif(root / "train" / "drawn.gif", 9, seed=2)
    rng = np.random.default_rng(3)
    array = rng.integers(0, 256, [2, 8, 8, 8, 3], np.uint8)
    np.save(root / "train" / "arrays.npy", array)
    write_gif(root / "test" / "other.gif", 17, seed=4)
    (root / "test" / "frames").mkdir()
    for number, frame in enumerate(array[0]):
        iio.imwrite(root / "test" / "frames" / f"{number:03}.png", frame)
    return root


def pieces(source, num_frames):
    """Read piece by piece from the source itself."""
    return [
        source.read_arrays(number, start, num_frames)["frames"]
        for number, length in enumerate(source.num_frames)
        for start in range(0, length - num_frames + 1, num_frames)
    ]


def read_back(folder, split, **options):
    source = load_clips(folder, split, **options)
    read = tf.function(lambda number: source(number, 0, int(source.num_frames[0])))
    return [read(tf.constant(number, tf.int64)) for number in range(len(source))]


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2}, {"fps": 5}, {"fit": "letterbox", "frame_shape": (8, 12, 1)}],
    ids=str,
)
def test_a_folder_reads_back_as_the_source_gives_it(videos, tmp_path, options):
    options = {"frame_shape": SHAPE, **options}
    told = convert_clips(videos, tmp_path / "out", 4, progress=False, **options)
    for split in ("train", "test"):
        source = VideoFolder(videos, split, min_frames=4, **options)
        wanted = pieces(source, 4)
        clips = read_back(tmp_path / "out", split, frame_shape=options["frame_shape"])
        assert len(clips) == len(wanted) == told["splits"][split]["clips"] > 0
        for clip, frames in zip(clips, wanted, strict=True):
            np.testing.assert_array_equal(clip["frames"], frames)
    skipped = told["splits"]["train"]["skipped"]
    assert {"train/empty.mp4", "train/short.mp4"} <= skipped.keys()
    assert all(skipped.values())


def test_the_pace_of_the_films_is_kept(tmp_path):
    root = tmp_path / "films"
    root.mkdir()
    for number in range(3):
        write_gif(root / f"{number}.gif", 9, seed=number)  # 10 frames a second
    call = {"frame_shape": SHAPE, "splits": "train", "progress": False}
    for options, fps in (({}, 10.0), ({"stride": 2}, 5.0), ({"fps": 5}, 5.0)):
        output = tmp_path / str(options)
        told = convert_clips(root, output, 4, **call, **options)
        assert told["fps"] == {"train": pytest.approx(fps)}
        source = load_clips(output, frame_shape=SHAPE)
        np.testing.assert_allclose(source.fps, [fps] * len(source))


def test_options_of_a_complete_one_are_compared_as_they_work(tmp_path):
    root = tmp_path / "films"
    root.mkdir()
    for number in range(3):
        write_gif(root / f"{number}.gif", 9, seed=number)
    call = {"frame_shape": SHAPE, "splits": "train", "progress": False}
    made = convert_clips(root, tmp_path / "all", 3, **call)
    assert convert_clips(root, tmp_path / "all", 3, stride=1, fit="crop", **call)
    assert made["options"].keys() == {"data", "num_frames", "splits", "frame_shape"}
    convert_clips(root, tmp_path / "third", 3, stride=3, **call)
    words = "made with fps None, and 5 is asked for; stride 3, and 1 is asked for"
    with pytest.raises(FileExistsError, match=words):
        convert_clips(root, tmp_path / "third", 3, fps=5, **call)


def test_a_film_that_breaks_off_is_converted_up_to_there(tmp_path, videos):
    """Found only by decoding: the clips before and after are kept, none comes twice."""
    root = tmp_path / "films"
    root.mkdir()
    data = bytearray((videos / "train" / "long.mp4").read_bytes())
    write_mp4(root / "good.mp4", 8, seed=5)
    write_mp4(root / "good too.mp4", 8, seed=6)
    source = VideoFolder(videos, frame_shape=SHAPE)
    whole = pieces(source, 4)
    (number,) = [n for n, name in enumerate(source.clip_names) if "long" in name]
    first = sum(int(length) // 4 for length in source.num_frames[:number])
    whole = whole[first : first + 10]
    position = data.find(b"mdat") + 4
    middle = position + (len(data) - position) // 2
    data[middle : middle + 400] = bytes(400)
    (root / "long.mp4").write_bytes(data)
    told = convert_clips(root, tmp_path / "out", 4, frame_shape=SHAPE)
    splits = told["splits"]
    (split,) = [s for s in splits if "long.mp4" in splits[s]["skipped"]]
    assert "clips left out" in splits[split]["skipped"]["long.mp4"]
    clips = [
        clip["frames"].numpy()
        for clip in read_back(tmp_path / "out", split, frame_shape=SHAPE)
    ]
    kept = [any(np.array_equal(clip, piece) for clip in clips) for piece in whole]
    assert 0 < sum(kept) < len(kept) and kept[0]
    assert len({clip.tobytes() for clip in clips}) == len(clips)


def test_actions_beside_the_films_are_converted(tmp_path):
    rng = np.random.default_rng(0)
    root, wanted = tmp_path / "films", {}
    root.mkdir()
    for name in ("a", "b", "c"):
        np.savez(root / f"{name}.npz", film=rng.integers(0, 256, [9, 8, 8, 3], "u1"))
        wanted[name] = rng.normal(size=[9, 2]).astype("f4")
        np.savetxt(root / f"{name}.csv", wanted[name], delimiter=",")
    told = convert_clips(
        root, tmp_path / "out", 4, frame_shape=SHAPE, with_actions=True
    )
    assert told["fields"]["actions"] == [2]
    for split in ("train", "test"):
        source = VideoFolder(root, split, frame_shape=SHAPE, with_actions=True)
        names = [name[0] for name in source.clip_names]
        clips = read_back(tmp_path / "out", split, frame_shape=SHAPE, with_actions=True)
        rows = [wanted[name][start : start + 4] for name in names for start in (0, 4)]
        np.testing.assert_allclose([clip["actions"] for clip in clips], rows, rtol=1e-6)


def test_the_callers_source_goes_on_replacing(videos, tmp_path):
    source = VideoFolder(videos, frame_shape=SHAPE)
    convert_clips({"train": source}, tmp_path / "out", 4, "train", progress=False)
    assert source.on_bad == "replace"


def test_decoded_frames_are_let_go_at_once(videos):
    """Not at Python's next search for circles: that is 1.4 MB a frame of 720p."""
    av = pytest.importorskip("av", reason="counts its frames")
    with open_video(videos / "train" / "long.mp4") as video:
        video.read([0])
        gc.collect()
        gc.disable()
        try:
            video.read(range(1, 40))
            alive = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
        finally:
            gc.enable()
    assert alive < 5
