"""The reader of tensorflow-datasets takes our records for BAIR's."""

import shutil
import types

import numpy as np
import pytest

from tfsigmavae_video.data.softmotion import write_shards
from tfsigmavae_video.data.softmotion_reader import SoftmotionSource

tfds = pytest.importorskip(
    "tensorflow_datasets", reason="a reader to compare with, too large for all tests"
)
# Their name of a field -> ours.
FIELDS = {"image_aux1": "frames", "action": "actions", "endeffector_pos": "positions"}


def random_clip(seed, **floats):
    views = np.random.default_rng(seed).integers(0, 256, [2, 30, 64, 64, 3], np.uint8)
    return {"frames": views[0], "second_view": views[1], **floats}


def their_clips(folder):
    """The clips of a folder of files, by the code of their builder."""
    builder = tfds.builder_cls("bair_robot_pushing_small")(data_dir=folder / "prepared")
    clips = [clip for _, clip in builder._generate_examples(str(folder))]
    return [
        {key: np.stack([frame[key] for frame in clip]) for key in clip[0]}
        for clip in clips
    ]


def our_clips(root, camera="image_aux1"):
    source = SoftmotionSource(
        root, camera=camera, with_actions=True, with_positions=True
    )
    return [
        {name: value.numpy() for name, value in source(number, 0, 30).items()}
        for number in range(len(source))
    ]


def assert_same(theirs, clips):
    assert len(theirs) == len(clips)
    for their, clip in zip(theirs, clips, strict=True):
        np.testing.assert_array_equal(their["image_main"], clip["second_view"])
        for name, ours in FIELDS.items():
            # Their floats are numbers of Python, from float32.
            np.testing.assert_array_equal(
                their[name].astype(clip[ours].dtype), clip[ours]
            )


def test_what_they_prepare_from_our_records_is_what_we_wrote(tmp_path, monkeypatch):
    """All the way that `tfds.load` goes, but for the download."""
    rng = np.random.default_rng(0)
    sizes = {"actions": 4, "positions": 3}
    floats = {n: rng.normal(size=[30, s]).astype("f4") for n, s in sizes.items()}
    root = tmp_path / "softmotion30_44k"
    clips = {"train": random_clip(0, **floats), "test": random_clip(1)}
    for split, clip in clips.items():
        write_shards(root, split, [clip])
    archive = types.SimpleNamespace(
        download_and_extract=lambda url: str(tmp_path), downloaded_size=0
    )
    builder_class = tfds.builder_cls("bair_robot_pushing_small")
    monkeypatch.setattr(
        builder_class, "_make_download_manager", lambda self, **options: archive
    )
    builder = builder_class(data_dir=tmp_path / "prepared")
    builder.download_and_prepare()
    zeros = {name: np.zeros([30, size], "f4") for name, size in sizes.items()}
    for split, clip in clips.items():
        assert_same(list(tfds.as_numpy(builder.as_dataset(split))), [zeros | clip])


def test_both_read_a_file_of_a_third_writer_alike(shared_data, tmp_path):
    file = shared_data("softmotion_layout_peer_written.tfrecords")
    (tmp_path / "train").mkdir()
    shutil.copy(file, tmp_path / "train")
    clips, mains = our_clips(tmp_path), our_clips(file, "image_main")
    seconds = [{"second_view": main["frames"]} for main in mains]
    pairs = zip(clips, seconds, strict=True)
    assert_same(
        their_clips(tmp_path / "train"), [clip | second for clip, second in pairs]
    )
    assert len(clips) == 2
