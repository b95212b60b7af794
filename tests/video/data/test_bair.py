import itertools
import struct

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae_video.data import bair
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource

NUM_CLIPS = 10
SHAPE = (2, 2, 3)
NUM_FRAMES = 6
SMALL = {"frame_shape": SHAPE, "num_frames": 3}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten training clips in three shards; clip c, frame t has the value 10 c + t."""
    folder = tmp_path_factory.mktemp("clips")
    values = 10 * np.arange(NUM_CLIPS)[:, None] + np.arange(NUM_FRAMES)
    frames = np.broadcast_to(
        values.astype(np.uint8)[..., None, None, None], [*values.shape, *SHAPE]
    )
    train = [
        {
            "frames": clip,
            "second_view": clip + np.uint8(100),
            "actions": np.repeat(value[:, None], 4, 1),
            "positions": -np.repeat(value[:, None], 3, 1),
        }
        for clip, value in zip(frames, values, strict=True)
    ]
    write_shards(folder, "train", train, shard_size=4)
    write_shards(folder, "test", frames[:2] + np.uint8(200))
    return folder


def first_values(dataset, num_batches=None):
    """(clip, start) of every element, batch by batch."""
    batches = itertools.islice(dataset, num_batches)
    return [
        [divmod(int(value), 10) for value in batch[:, 0, 0, 0, 0]] for batch in batches
    ]


def corrupted(path, folder, change):
    data = bytearray(path.read_bytes())
    change(data)
    target = folder / "broken.tfrecords"
    target.write_bytes(data)
    return target


def serialize(features):
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, bytes)
        else tf.train.Feature(float_list=tf.train.FloatList(value=value))
        for key, value in features.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()


def write_records(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(serialize(record))
    return path


def good_record(**changes):
    record = {f"{t}/image_aux1/encoded": bytes(12) for t in range(3)}
    record |= {f"{t}/action": [0.0] * 4 for t in range(3)}
    record |= {key.replace("__", "/"): value for key, value in changes.items()}
    return {key: value for key, value in record.items() if value is not None}


def test_file_of_a_peer_is_read_bit_by_bit(shared_data):
    file = shared_data("softmotion_layout_peer_written.tfrecords")
    truth = np.load(shared_data("bair_real_2seq.npz"))
    truth = np.stack([truth["traj_action_free_00025"], truth["traj_00033"]])
    (batch,) = bair.clips(
        file, num_frames=30, batch_size=2, with_actions=True, with_positions=True
    )
    np.testing.assert_array_equal(batch["frames"], truth)
    t = np.arange(30, dtype=np.float32)
    ones = np.ones_like(t)
    actions = np.stack([0.01 * t, 0 * t, -ones, 0.25 * ones], -1)
    positions = np.stack([0.1 * t, -0.1 * t, 0.5 * ones], -1)
    for sequence in range(2):
        np.testing.assert_allclose(batch["actions"][sequence], actions, rtol=1e-6)
        np.testing.assert_allclose(batch["positions"][sequence], positions, rtol=1e-6)
    with pytest.warns(UserWarning, match="image_aux1"):
        (main,) = bair.clips(file, num_frames=30, batch_size=2, camera="image_main")
    np.testing.assert_array_equal(main, truth[:, :, :, ::-1])
    assert bair.num_clips(file) == 2


def test_clips_come_in_file_order_from_frame_0(root):
    dataset = bair.clips(root, batch_size=4, **SMALL)
    assert dataset.element_spec == tf.TensorSpec([None, 3, *SHAPE], tf.uint8)
    values = first_values(dataset)
    assert values == [
        [(0, 0), (1, 0), (2, 0), (3, 0)],
        [(4, 0), (5, 0), (6, 0), (7, 0)],
        [(8, 0), (9, 0)],
    ]
    dropped = bair.clips(root, batch_size=4, drop_remainder=True, **SMALL)
    assert first_values(dropped) == values[:2]
    assert bair.num_clips(root, "train") == 10
    assert bair.num_clips(root, "test") == 2


def test_frames_of_a_window_follow_one_another(root):
    dataset = bair.clips(
        root,
        batch_size=10,
        windows="random",
        with_actions=True,
        with_positions=True,
        **SMALL,
    )
    (batch,) = dataset
    frames = batch["frames"].numpy()[:, :, 0, 0, 0].astype(float)
    np.testing.assert_array_equal(np.diff(frames, axis=1), 1.0)
    np.testing.assert_array_equal(batch["actions"][:, :, 3], frames)
    np.testing.assert_array_equal(batch["positions"][:, :, 2], -frames)


def test_every_window_start_occurs_and_changes_with_the_pass(root):
    dataset = bair.clips(root, batch_size=10, windows="random", repeat=True, **SMALL)
    batches = first_values(dataset, 20)
    assert [[clip for clip, _ in batch] for batch in batches] == [[*range(10)]] * 20
    starts = np.array([[start for _, start in batch] for batch in batches])
    counts = np.bincount(starts.ravel(), minlength=4)
    assert counts.size == 4
    # 50 expected of each, standard deviation 6: five of them.
    assert np.all(np.abs(counts - 50) < 31)
    assert all(len(set(column)) > 1 for column in starts.T)


def test_each_pass_is_a_new_permutation(root):
    dataset = bair.clips(root, batch_size=10, shuffle=True, repeat=True, **SMALL)
    passes = [[clip for clip, _ in batch] for batch in first_values(dataset, 5)]
    assert all(sorted(order) == [*range(10)] for order in passes)
    assert len({tuple(order) for order in passes}) == 5


@pytest.mark.parametrize("options", [{"repeat": True}, {"repeat": False}])
def test_start_step_resumes_exactly(root, options):
    options = {**SMALL, **options, "batch_size": 3, "shuffle": True, "seed": 7}
    options["windows"] = "random"
    # Three clips a batch out of ten: passes do not end with a batch.
    whole = [np.asarray(x) for x in bair.clips(root, **options).take(9)]
    for start in (0, 1, 3):
        part = list(bair.clips(root, start_step=start, **options).take(9 - start))
        assert len(part) == len(whole) - start
        for got, wanted in zip(part, whole[start:], strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_seed_decides_order_and_windows(root):
    options = {**SMALL, "batch_size": 10, "shuffle": True, "windows": "random"}
    runs = [first_values(bair.clips(root, seed=seed, **options)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_repeated_batches_have_a_static_size(root):
    dataset = bair.clips(root, batch_size=4, repeat=True, with_actions=True, **SMALL)
    assert dataset.element_spec == {
        "frames": tf.TensorSpec([4, 3, *SHAPE], tf.uint8),
        "actions": tf.TensorSpec([4, 3, 4], tf.float32),
    }
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_splits_cameras_and_archive_folder_are_found(root, tmp_path):
    (test,) = bair.clips(root, "test", **SMALL)
    assert test.numpy()[1, :, 0, 0, 0].tolist() == [210, 211, 212]
    with pytest.warns(UserWarning, match="image_main"):
        main = next(iter(bair.clips(root, camera="image_main", **SMALL)))
    assert main.numpy()[1, :, 0, 0, 0].tolist() == [110, 111, 112]
    (tmp_path / "softmotion30_44k").symlink_to(root)
    assert bair.num_clips(tmp_path, "test") == 2
    # One file has no splits.
    file = root / "train" / "traj_4_to_7.tfrecords"
    train, test = (
        first_values(bair.clips(file, s, **SMALL)) for s in ("train", "test")
    )
    assert train == test == [[(4, 0), (5, 0), (6, 0), (7, 0)]]


def test_files_are_sorted_by_number(tmp_path):
    names = [f"traj_{n}_to_{n + 255}.tfrecords" for n in (0, 256, 1024)]
    (tmp_path / "train").mkdir()
    for name in reversed(names):
        (tmp_path / "train" / name).touch()
    assert [file.name for file in bair.find_files(tmp_path)] == names


def test_index_gives_the_offsets_of_tensorflow(root):
    files = bair.find_files(root)
    index = index_records(files)
    assert len(index) == 10
    assert index.file_numbers.tolist() == [0] * 4 + [1] * 4 + [2] * 2
    assert index.numbers.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    records = [r.numpy() for r in tf.data.TFRecordDataset([str(f) for f in files])]
    for record, offset, file in zip(
        records, index.offsets, index.file_numbers, strict=True
    ):
        data = files[file].read_bytes()[offset:]
        assert struct.unpack("<Q", data[:8])[0] == len(record)
        assert data[12 : 12 + len(record)] == record


def test_missing_files_are_an_early_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="No TFRecord files.*`root` must"):
        bair.clips(tmp_path / "nowhere")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "empty.tfrecords").touch()
    with pytest.raises(ValueError, match="no records in .*empty.tfrecords"):
        bair.clips(tmp_path)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"split": "val"}, "Unknown split 'val'"),
        ({"camera": "wrist"}, "Unknown `camera` 'wrist'.*image_aux1"),
        ({"windows": "middle"}, "Unknown `windows` 'middle'.*random"),
        ({"num_frames": 7}, "at most the 6 frames stored"),
        ({"num_frames": 0}, "`num_frames` must be an int >= 1"),
        ({"num_frames": 5, "num_record_frames": 4}, "at most the 4 frames"),
        ({"num_record_frames": 30}, "no key '6/image_aux1/encoded'"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"start_step": -1}, "`start_step`"),
        (
            {"frame_shape": (64, 64, 3)},
            r"12288 bytes for `frame_shape`.*got 12[.] That would be .*\(2, 2, 3\)",
        ),
        ({"frame_shape": (64, 64)}, "`frame_shape` must be"),
    ],
)
def test_wrong_arguments_are_early_errors(root, options, message):
    with pytest.raises(ValueError, match=message):
        bair.clips(root, **{**SMALL, **options})


def test_missing_camera_and_actions_are_early_errors(tmp_path):
    file = write_records(tmp_path / "a.tfrecords", good_record())
    with (
        pytest.raises(ValueError, match="a.tfrecords' has no key '0/image_main"),
        pytest.warns(UserWarning),
    ):
        bair.clips(file, camera="image_main", **SMALL)
    with pytest.raises(ValueError, match="no floats under .*'0/endeffector_pos'"):
        bair.clips(file, with_positions=True, **SMALL)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"1__image_aux1__encoded": None}, "1/image_aux1/encoded .* required"),
        ({"1__image_aux1__encoded": bytes(11)}, "1/image_aux1/encoded.*12 .*got 11"),
        ({"2__image_aux1__encoded": bytes(24)}, "2/image_aux1/encoded.*12 .*got 24"),
        ({"1__action": None}, "1/action .* required"),
        ({"1__action": [0.0] * 3}, "1/action"),
    ],
)
def test_bad_record_is_named(tmp_path, change, message):
    file = tmp_path / "mine.tfrecords"
    write_records(file, good_record(), good_record(**change))
    dataset = bair.clips(file, batch_size=1, with_actions=True, **SMALL)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as error:
        list(dataset)
    assert f"record 1 of {file}" in str(error.value)


def test_only_the_window_is_parsed(tmp_path):
    """Faults outside it are not seen, and one inside is named by its own key."""
    holes = {"0__image_aux1__encoded": None, "0__action": None}
    file = write_records(
        tmp_path / "mine.tfrecords",
        good_record(),
        good_record(**holes, **{"1__image_aux1__encoded": bytes(range(12))}),
        good_record(**{"2__image_aux1__encoded": bytes(11)}),
    )
    source = SoftmotionSource(file, frame_shape=SHAPE, with_actions=True)
    clip = source(1, start=1, num_frames=2)
    assert clip["frames"].numpy().ravel().tolist() == [*range(12), *[0] * 12]
    assert clip["actions"].shape == (2, 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="0/image_aux1.*required"):
        source(1, start=0, num_frames=1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="2/image_aux1.*got 11"):
        source(2, start=1, num_frames=2)


def test_corrupt_data_is_named(root, tmp_path):
    def flip(data):
        data[-100] ^= 1

    file = corrupted(root / "train" / "traj_0_to_3.tfrecords", tmp_path, flip)
    with pytest.raises(tf.errors.InvalidArgumentError, match="checksum") as error:
        list(bair.clips(file, **SMALL))
    assert f"record 3 of {file}" in str(error.value)


def test_file_that_vanishes_is_named(root, tmp_path):
    file = corrupted(root / "train" / "traj_0_to_3.tfrecords", tmp_path, len)
    dataset = bair.clips(file, **SMALL)
    file.unlink()
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot be read"):
        list(dataset)


@pytest.mark.parametrize("cut", [1, 100])
def test_truncated_file_is_an_early_error(root, tmp_path, cut):
    def shorten(data):
        del data[-cut:]

    file = corrupted(root / "train" / "traj_0_to_3.tfrecords", tmp_path, shorten)
    with pytest.raises(ValueError, match="Record 3 of .*broken.* is truncated"):
        bair.clips(file, **SMALL)


def test_truncated_header_is_an_early_error(root, tmp_path):
    file = corrupted(
        root / "train" / "traj_0_to_3.tfrecords", tmp_path, lambda d: d.extend(b"12345")
    )
    with pytest.raises(ValueError, match="Record 4 of .*broken.* is truncated"):
        bair.clips(file, **SMALL)


def test_other_formats_are_early_errors(tmp_path):
    file = tmp_path / "movie.tfrecords"
    file.write_bytes(b"GIF89a" + bytes(1000))
    with pytest.raises(ValueError, match="movie.*uncompressed TFRecord"):
        bair.clips(file)
    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(b"\xff\xff not a protocol buffer")
    with pytest.raises(ValueError, match="not a tf.train.Example"):
        bair.clips(file)


PICTURES = {
    "PNG": lambda frame: tf.io.encode_png(frame).numpy(),
    "JPEG": lambda frame: tf.io.encode_jpeg(frame).numpy(),
    "GIF": lambda frame: b"GIF89a" + bytes(30),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_encoded_pictures_are_told_by_name(tmp_path, kind):
    picture = PICTURES[kind](np.zeros([2, 2, 3], np.uint8))
    words = f"12 bytes.*got {len(picture)}.*holds {kind} pictures.*write_shards"
    encoded = {f"{t}__image_aux1__encoded": picture for t in range(3)}
    file = write_records(tmp_path / "all.tfrecords", good_record(**encoded))
    with pytest.raises(ValueError, match=words):
        bair.clips(file, **SMALL)
    last = good_record(**{"2__image_aux1__encoded": picture})
    file = write_records(tmp_path / "one.tfrecords", good_record(), last)
    dataset = bair.clips(file, batch_size=1, **SMALL)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        list(dataset)


def test_bytes_that_are_no_picture_are_called_none(tmp_path):
    for frame in (b"", b"\x89", bytes(11)):
        encoded = {"0__image_aux1__encoded": frame}
        file = write_records(tmp_path / "a.tfrecords", good_record(**encoded))
        with pytest.raises(ValueError, match=f"got {len(frame)}[.]$"):
            bair.clips(file, **SMALL)
