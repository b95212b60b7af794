import os
import resource
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from tfsigmavae.files import whole
from tfsigmavae_video.data.softmotion import find_files, write_shards
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource

SIZES = {"actions": 7, "positions": 2}


def random_clips(number, num_frames=3, size=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, [number, num_frames, size, size, 3], np.uint8)


def with_floats(**floats):
    return {"frames": random_clips(1)[0], **floats}


def read_examples(path):
    records = tf.data.TFRecordDataset(str(path))
    return [tf.train.Example.FromString(record.numpy()) for record in records]


def files_below(folder):
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*"))


def test_record_holds_every_key_of_the_layout(tmp_path):
    (frames,), (second,) = random_clips(1), random_clips(1)[:, :, ::-1]
    actions = np.arange(12.0).reshape(3, 4)
    positions = -np.arange(9.0).reshape(3, 3)
    clip = {"frames": frames, "second_view": second}
    clip |= {"actions": actions, "positions": positions}
    assert write_shards(tmp_path, "train", [clip]) == 1
    (example,) = read_examples(tmp_path / "train" / "traj_0_to_0.tfrecords")
    features = example.features.feature
    assert len(features) == 4 * 3
    for t in range(3):
        aux1 = features[f"{t}/image_aux1/encoded"].bytes_list.value
        main = features[f"{t}/image_main/encoded"].bytes_list.value
        assert list(aux1) == [frames[t].tobytes()]
        assert list(main) == [second[t].tobytes()]
        assert list(features[f"{t}/action"].float_list.value) == list(actions[t])
        position = features[f"{t}/endeffector_pos"].float_list.value
        assert list(position) == list(positions[t])


def test_plain_clips_get_zeros_and_a_copy_as_second_view(tmp_path):
    write_shards(tmp_path, "test", random_clips(1))
    (example,) = read_examples(tmp_path / "test" / "traj_0_to_0.tfrecords")
    features = example.features.feature
    assert features["2/image_main/encoded"] == features["2/image_aux1/encoded"]
    assert list(features["2/action"].float_list.value) == [0.0] * 4
    assert list(features["2/endeffector_pos"].float_list.value) == [0.0] * 3


def test_any_size_of_action_position_and_frame_is_read_as_it_was_written(tmp_path):
    """The first record decides; later clips without any get zeros of that size."""
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, [2, 5, 6, 8, 1], np.uint8)
    floats = {name: rng.normal(size=[5, n]) for name, n in SIZES.items()}
    write_shards(tmp_path, "train", [{"frames": frames[0], **floats}, frames[1]])
    source = SoftmotionSource(
        tmp_path, frame_shape=(6, 8, 1), with_actions=True, with_positions=True
    )
    assert {name: source.fields[name][0] for name in SIZES} == {
        name: (size,) for name, size in SIZES.items()
    }
    clips = [source(number, 1, 4) for number in range(2)]
    for number, clip in enumerate(clips):
        np.testing.assert_array_equal(clip["frames"], frames[number, 1:])
        for name, size in SIZES.items():
            wanted = np.zeros([5, size]) if number else floats[name]
            np.testing.assert_array_equal(clip[name], np.float32(wanted)[1:])


def test_a_record_with_fewer_actions_is_named(tmp_path):
    write_shards(tmp_path, "train", [with_floats(actions=np.ones([3, 6]))])
    write_shards(tmp_path, "test", [with_floats(actions=np.ones([3, 2]))])
    first, second = (find_files(tmp_path, split)[0] for split in ("train", "test"))
    second.rename(first.with_name("traj_1_to_1.tfrecords"))
    source = SoftmotionSource(tmp_path, frame_shape=(4, 4, 3), with_actions=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="traj_1_to_1.*/action"):
        source(1, 0, 3)


@pytest.mark.parametrize(
    "number, names",
    [
        (5, ["traj_0_to_1", "traj_2_to_3", "traj_4_to_4"]),
        (4, ["traj_0_to_1", "traj_2_to_3"]),
    ],
)
def test_shards_are_named_after_their_clips(tmp_path, number, names):
    clips = random_clips(number)
    assert write_shards(tmp_path, "train", iter(clips), shard_size=2) == number
    wanted = ["train", *(f"train/{name}.tfrecords" for name in names)]
    assert files_below(tmp_path) == wanted
    last = read_examples(tmp_path / "train" / f"{names[-1]}.tfrecords")[-1]
    frame = last.features.feature["1/image_aux1/encoded"].bytes_list.value[0]
    assert frame == clips[-1, 1].tobytes()


def test_clips_are_taken_one_at_a_time(tmp_path):
    sizes = []

    def episodes():
        for clip in random_clips(40, num_frames=4, size=32):
            shards = list(tmp_path.glob(".partial-*.train/shard"))
            sizes.append(sum(shard.stat().st_size for shard in shards))
            yield clip

    write_shards(tmp_path, "train", episodes())
    # The writer's buffer is far smaller than 39 clips of 25 kB.
    assert sizes[-1] > 20 * 2 * 4 * 32 * 32 * 3


def test_nothing_is_left_after_an_error(tmp_path):
    def episodes():
        yield from random_clips(3)
        raise RuntimeError("camera unplugged")

    with pytest.raises(RuntimeError, match="unplugged"):
        write_shards(tmp_path, "train", episodes(), shard_size=2)
    assert files_below(tmp_path) == []


def test_what_a_killed_run_left_is_no_obstacle(tmp_path):
    killed = subprocess.Popen(["true"])
    killed.wait()
    with whole(tmp_path / "file") as partial:
        partial.touch()
    here = partial.name.split("-")[1]
    left = tmp_path / f".partial-{here}-{killed.pid}-0.train"
    left.mkdir()
    (left / "shard").write_bytes(b"half")
    (tmp_path / "file").unlink()
    write_shards(tmp_path, "train", random_clips(1))
    assert files_below(tmp_path) == ["train", "train/traj_0_to_0.tfrecords"]


def test_nothing_is_overwritten(tmp_path):
    write_shards(tmp_path, "train", random_clips(1))
    with pytest.raises(FileExistsError, match="would be overwritten"):
        write_shards(tmp_path, "train", random_clips(1))
    write_shards(tmp_path, "test", random_clips(1))


@pytest.mark.parametrize(
    "clips, message",
    [
        ([], "at least one clip"),
        ([np.zeros([2, 4, 4, 3])], "clip 0 must be uint8.*float64"),
        ([np.zeros([4, 4, 3], np.uint8)], r"\[T, H, W, C\]"),
        ([*random_clips(1), *random_clips(1, 2)], "clip 1 must be uint8 of shape"),
        ([with_floats(actions=np.zeros([2, 4]))], r"`actions` of clip 0.*\(3, numbers"),
        ([with_floats(actions=np.zeros([3, 0]))], "`actions` of clip 0"),
        ([with_floats(positions=np.ones(3))], r"`positions`.*shape \(3,\)"),
        ([with_floats(actions=[[0.0], [np.nan], [0.0]])], r"finite.*nan\] at frame 1"),
        (
            [
                with_floats(actions=np.ones([3, 2])),
                with_floats(actions=np.ones([3, 4])),
            ],
            r"`actions` of clip 1 .*shape \(3, 2\), got shape \(3, 4\)",
        ),
        (
            [with_floats(), with_floats(positions=np.ones([3, 2]))],
            r"`positions` of clip 1 .*\(3, 3\), got shape \(3, 2\)",
        ),
        (
            [{"frames": random_clips(1)[0], "second_view": random_clips(1, 2)[0]}],
            "`second_view`",
        ),
        ([{"actions": np.zeros([3, 4])}], "`frames` of clip 0"),
    ],
)
def test_wrong_clips_are_errors(tmp_path, clips, message):
    with pytest.raises(ValueError, match=message):
        write_shards(tmp_path, "train", clips)


def test_wrong_arguments_are_errors(tmp_path):
    with pytest.raises(ValueError, match="Unknown split 'val'.*train"):
        write_shards(tmp_path, "val", random_clips(1))
    with pytest.raises(ValueError, match="`shard_size`"):
        write_shards(tmp_path, "train", random_clips(1), shard_size=0)


def test_a_full_disk_is_told_by_name_and_nothing_stays(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_shards(tmp_path, "train", random_clips(4, num_frames=4, size=32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "train" / "shard")
    assert not files_below(tmp_path)
    write_shards(tmp_path, "train", random_clips(4, num_frames=4, size=32))
