"""A path is enough to open clips, whatever kind of data it holds."""

import inspect

import numpy as np
import pytest
from npy_clips import LENGTHS, NpyClips, write_clips

from tfsigmavae_video.data import bair, batches, load_clips, loading
from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource

SHAPE = (2, 3, 3)
OPTIONS = {
    "camera": "image_main",
    "frame_shape": SHAPE,
    "num_record_frames": 4,
    "with_actions": True,
    "with_positions": True,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    rng = np.random.default_rng(0)
    for split, number in (("train", 5), ("test", 2)):
        frames = rng.integers(0, 256, [2, number, 6, *SHAPE], dtype=np.uint8)
        clips = [
            {
                "frames": first,
                "second_view": second,
                "actions": rng.normal(size=[6, 4]),
                "positions": rng.normal(size=[6, 3]),
            }
            for first, second in zip(*frames, strict=True)
        ]
        write_shards(folder, split, clips, shard_size=3)
    return folder


@pytest.mark.filterwarnings("ignore:Published results")
def test_records_are_those_of_bair(root):
    for split, number in (("train", 5), ("test", 2)):
        source = load_clips(root, split, **OPTIONS)
        assert source.num_frames.tolist() == [4] * number
        assert source.fields["actions"][0] == (4,)
        options = {"num_frames": 3, "batch_size": 2, "windows": "random", "seed": 1}
        ours = batches(source, **options)
        theirs = bair.clips(root, split, **options, **OPTIONS)
        for one, other in zip(ours, theirs, strict=True):
            assert one.keys() == {"frames", "actions", "positions"}
            for field in one:
                np.testing.assert_array_equal(one[field], other[field])


def test_archive_and_single_file_are_found(root, tmp_path):
    (tmp_path / "softmotion30_44k").symlink_to(root)
    archive = load_clips(str(tmp_path), "test", frame_shape=SHAPE)
    assert len(archive) == 2 and archive.name == "test"
    (tmp_path / "mine.tfrecord-00000-of-00001").symlink_to(
        root / "train" / "traj_3_to_4.tfrecords"
    )
    file = tmp_path / "mine.tfrecord-00000-of-00001"
    for split in ("train", "test"):
        assert len(load_clips(file, split, frame_shape=SHAPE)) == 2


def test_missing_data_is_an_error_that_names_what_is_supported(root, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder.*nowhere"):
        load_clips(tmp_path / "nowhere")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "film.doc").touch()
    with pytest.raises(ValueError, match="no known clips.*records.*BAIR.*videos"):
        load_clips(tmp_path / "train" / "film.doc")
    with pytest.raises(ValueError, match="holds no videos"):
        load_clips(tmp_path)
    (tmp_path / "train" / "a.tfrecords").touch()
    with pytest.raises(FileNotFoundError, match="No TFRecord files match.*test"):
        load_clips(tmp_path, "test")


def test_wrong_options_are_errors(root):
    with pytest.raises(TypeError, match="Unknown option 'colour'.*'camera', 'frame_sh"):
        load_clips(root, colour="grey")
    for reserved in ("root", "self"):
        with pytest.raises(TypeError, match=f"Unknown option '{reserved}'"):
            load_clips(root, **{reserved: 1})
    with pytest.raises(ValueError, match="Unknown `camera` 'wrist'"):
        load_clips(root, camera="wrist", frame_shape=SHAPE)
    with pytest.raises(ValueError, match="Unknown split 'val'"):
        load_clips(root, "val", frame_shape=SHAPE)


def test_every_option_is_documented():
    _, _, *options = inspect.signature(SoftmotionSource).parameters
    assert set(options) == set(OPTIONS)
    assert all(f"`{option}`" in load_clips.__doc__ for option in options)


def test_another_kind_of_data_is_one_row(root, tmp_path, monkeypatch):
    def open_toys(path, split="train", with_times=False):
        return NpyClips(sorted(path.glob("*.npy")), split, with_times)

    row = loading._Kind("toys", lambda path: any(path.glob("*.npy")), open_toys)
    monkeypatch.setattr(loading, "_KINDS", [row, *loading._KINDS])
    write_clips(tmp_path)
    toys = load_clips(tmp_path, with_times=True)
    assert tuple(toys.num_frames) == LENGTHS and "times" in toys.fields
    with pytest.raises(TypeError, match=r"'camera' for .*Allowed: \['with_times'\]"):
        load_clips(tmp_path, camera="left")
    assert type(load_clips(root, frame_shape=SHAPE)) is SoftmotionSource
    other = tmp_path / "notes.txt"
    other.touch()
    with pytest.raises(ValueError, match="toys; or softmotion records"):
        load_clips(other)
