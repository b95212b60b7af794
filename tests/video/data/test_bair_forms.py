"""BAIR extracted, as its tar, and as tensorflow-datasets prepares it: equal arrays."""

import io
import subprocess
import tarfile
import unittest.mock

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video.data import bair, batches, load_clips
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource
from tfsigmavae_video.data.tfds_bair import NAME, TfdsBairSource

SHAPE = (64, 64, 3)
ALL = {"with_actions": True, "with_positions": True}
TAR = "bair_robot_pushing_dataset_v0.tar"


def clips(number, seed):
    rng = np.random.default_rng(seed)
    return [
        {
            "frames": rng.integers(0, 256, [30, *SHAPE], np.uint8),
            "second_view": rng.integers(0, 256, [30, *SHAPE], np.uint8),
            "actions": rng.normal(size=[30, 4]),
            "positions": rng.normal(size=[30, 3]),
        }
        for _ in range(number)
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The archive, extracted: shards whose order by name is not that of the numbers."""
    folder = tmp_path_factory.mktemp("bair")
    write_shards(folder / "softmotion30_44k", "train", clips(3, 0), shard_size=1)
    train = folder / "softmotion30_44k" / "train"
    (train / "traj_1_to_1.tfrecords").rename(train / "traj_256_to_511.tfrecords")
    (train / "traj_2_to_2.tfrecords").rename(train / "traj_1024_to_1279.tfrecords")
    write_shards(folder / "softmotion30_44k", "test", clips(2, 1))
    return folder


@pytest.fixture(scope="module")
def tar(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("tar") / TAR
    with tarfile.open(path, "w") as archive:
        archive.add(root / "softmotion30_44k", "softmotion30_44k")
        notes = tarfile.TarInfo("softmotion30_44k/train/._traj_0_to_0.tfrecords")
        notes.size = 100  # as macOS adds them
        archive.addfile(notes, io.BytesIO(bytes(100)))
    return path


def arrays_of(path, split, **options):
    source = load_clips(path, split, **ALL, **options)
    clips = [source(number, 2, 27) for number in range(len(source))]
    return source, [{k: v.numpy() for k, v in clip.items()} for clip in clips]


def by_content(arrays):
    return sorted(arrays, key=lambda clip: clip["frames"].tobytes())


def check_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys() == {"frames", "actions", "positions"}
        for field in one:
            np.testing.assert_array_equal(one[field], other[field], strict=True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_tar_is_read_in_place(root, tar, split):
    _, extracted = arrays_of(root, split)
    # By its name, and by that of the folder that it was downloaded to.
    for path in (tar, tar.parent):
        source, arrays = arrays_of(path, split)
        check_equal(arrays, extracted)
        assert type(source) is SoftmotionSource and source.is_held_out
        assert source.files == [tar] and source.name == split
    assert bair.num_clips(tar, split) == len(extracted)
    assert [*tar.parent.iterdir()] == [tar]


def test_splits_of_one_tar_are_other_clips_to_a_cache(tar, tmp_path):
    prints = [load_clips(tar, split).fingerprint() for split in ("train", "test")]
    assert prints[0]["files"] == prints[1]["files"]
    assert prints[0]["members"] != prints[1]["members"]
    source = load_clips(tar, "test")
    (plain,) = batches(source, 4, 2)
    for _ in range(2):  # made, and found
        (cached,) = batches(source, 4, 2, cache=tmp_path)
        np.testing.assert_array_equal(cached, plain)


def test_only_headers_of_the_tar_are_read(tmp_path, monkeypatch):
    """A sparse tar of 32 GB is opened at once."""
    record = 743_000
    path = tmp_path / "large.tar"
    with open(path, "wb") as stream:
        for number in range(40):
            info = tarfile.TarInfo(f"a/train/traj_{number}.tfrecords")
            info.size = 256 * (record + 16)
            stream.write(info.tobuf())
            stream.seek(-info.size % 512 + info.size, io.SEEK_CUR)
        stream.write(bytes(1024))
    assert path.stat().st_size > 7e9
    members = bair.find_files(path)
    assert len(members) == 40 and members[1].start - members[0].start > 256 * record


def damaged(tar, folder, change):
    path = folder / "damaged.tar"
    path.write_bytes(change(tar.read_bytes()))
    return path


@pytest.mark.parametrize(
    "change, message",
    [
        (
            lambda data: data[:-2_000_000],
            "damaged.tar' is truncated or no tar.*download",
        ),
        # Where one member has ended and the next has not begun.
        (lambda data: data.rstrip(b"\0")[:512], "truncated"),
        (lambda data: b"GIF89a" + bytes(5000), "truncated or no tar archive"),
        (lambda data: b"", "truncated or no tar archive"),
        (lambda data: b"\x1f\x8b" + data[:5000], "is compressed.*unpack it"),
    ],
)
def test_a_damaged_tar_is_an_early_error(tar, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        load_clips(damaged(tar, tmp_path, change))


def test_a_tar_that_ends_between_members_is_truncated(tar, tmp_path):
    with tarfile.open(tar) as archive:
        second = archive.getmembers()[3].offset
    path = damaged(tar, tmp_path, lambda data: data[:second])
    with pytest.raises(ValueError, match="its end mark is missing"):
        load_clips(path)


def test_faults_within_the_tar_name_the_member(tar, tmp_path):
    index = index_records(bair.find_files(tar, "test"))

    def flip(data, place):
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    second = int(index.offsets[1])
    path = damaged(tar, tmp_path, lambda data: flip(data, second + 5000))
    with pytest.raises(tf.errors.InvalidArgumentError, match="checksum") as error:
        arrays_of(path, "test")
    member = "softmotion30_44k/test/traj_0_to_1.tfrecords"
    assert f"record 1 of {path}:{member}" in str(error.value)
    path = damaged(tar, tmp_path, lambda data: flip(data, second + 2))
    with pytest.raises(
        ValueError, match=f"Record 1 of '{path}:{member}' has a corrupt"
    ):
        load_clips(path, "test")


def add_link(archive, name, target, kind=tarfile.LNKTYPE):
    link = tarfile.TarInfo(name)
    link.type, link.linkname = kind, target
    archive.addfile(link)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_link_in_the_tar_is_the_file_it_leads_to(root, tmp_path, kind):
    """`tar` writes a file that has two names once, and a link."""
    files = sorted(bair.find_files(root))
    path = tmp_path / TAR
    with tarfile.open(path, "w") as archive:
        archive.add(files[0], "./a/store/first")
        is_hard = kind == tarfile.LNKTYPE
        target = "./a/store/first" if is_hard else "../store/first"
        add_link(archive, "a/train/traj_0_to_0.tfrecords", target, kind)
        archive.add(files[1], "a/train/traj_1_to_1.tfrecords")
    (tmp_path / "b" / "train").mkdir(parents=True)
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path / "b", filter="tar")
    _, extracted = arrays_of(tmp_path / "b" / "a", "train")
    check_equal(arrays_of(path, "train")[1], extracted)


def test_the_last_member_of_a_name_counts(root, tmp_path):
    """As `tar -r` and `tar -u` put the new one behind the old."""
    files = sorted(bair.find_files(root))
    path = tmp_path / TAR
    with tarfile.open(path, "w") as archive:
        archive.add(files[0], "a/train/traj_0_to_0.tfrecords")
        add_link(archive, "a/train/traj_2_to_2.tfrecords", archive.getnames()[0])
        archive.add(files[1], "a/train/traj_1_to_1.tfrecords")
    with tarfile.open(path, "a") as archive:
        archive.add(files[2], "./a/train/traj_0_to_0.tfrecords")
    # GNU tar, since Python's would write into the file that the link shares.
    (tmp_path / "b").mkdir()
    subprocess.run(["tar", "-xf", path, "-C", tmp_path / "b"], check=True)
    _, extracted = arrays_of(tmp_path / "b" / "a", "train")
    assert len(extracted) == 3
    check_equal(arrays_of(path, "train")[1], extracted)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_link_to_nothing_is_told(tmp_path, kind):
    path = tmp_path / TAR
    with tarfile.open(path, "w") as archive:
        add_link(archive, "a/train/traj_0_to_0.tfrecords", "../elsewhere", kind)
    with pytest.raises(ValueError, match="traj_0.*is a link to a file that is not in"):
        load_clips(path)


def test_other_tars_are_told(tmp_path):
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("photos/a.jpg"))
    with pytest.raises(FileNotFoundError, match="train/.*in '.*photos.tar'.*a.jpg"):
        load_clips(path)
    with pytest.raises(FileNotFoundError, match="extracted or not"):
        bair.find_files(tmp_path)


def prepare(tfds, root, folder, file_format):
    """What `tfds build` does, with the archive at hand in place of the download."""
    builder = tfds.builder(NAME, data_dir=folder, file_format=file_format)
    manager = unittest.mock.MagicMock(downloaded_size=0)
    manager.download_and_extract.return_value = str(root)
    with unittest.mock.patch.object(
        type(builder), "_make_download_manager", lambda *_, **__: manager
    ):
        builder.download_and_prepare()
    return builder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_what_tensorflow_datasets_prepares_is_the_same(root, tmp_path, file_format):
    tfds = pytest.importorskip(
        "tensorflow_datasets", reason="tensorflow-datasets prepares its copy"
    )
    builder = prepare(tfds, root, tmp_path, file_format)
    for split in ("train", "test"):
        for camera in ("image_aux1", "image_main"):
            _, extracted = arrays_of(root, split, camera=camera)
            source, arrays = arrays_of(tmp_path, split, camera=camera)
            assert type(source) is TfdsBairSource and source.view == {"camera": camera}
            check_equal(by_content(arrays), by_content(extracted))
    # By each of the folders that people may name.
    version = tmp_path / NAME / "2.0.0"
    for path in (version, version.parent):
        assert load_clips(path, "test").files == source.files
    if file_format == "tfrecord":  # and by its own reader, in its own order
        theirs = builder.as_dataset(split="train", shuffle_files=False)
        _, arrays = arrays_of(version, "train")
        for clip, example in zip(arrays, theirs.as_numpy_iterator(), strict=True):
            np.testing.assert_array_equal(clip["frames"], example["image_aux1"][2:29])
            np.testing.assert_array_equal(clip["actions"], example["action"][2:29])
    batch = next(iter(batches(load_clips(version, "test"), 5, 2, windows="random")))
    assert batch.shape == (2, 5, *SHAPE)
    with pytest.raises(ValueError, match=r"`frame_shape` of .* must be \(64, 64, 3\)"):
        load_clips(version, frame_shape=(64, 64, 1))
    next(version.glob("*-train*")).unlink()
    with pytest.raises(
        FileNotFoundError, match="'train' of .* 1 files, and 1 are miss"
    ):
        load_clips(version)
