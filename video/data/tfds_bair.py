"""BAIR robot pushing as tensorflow-datasets has prepared it, read without importing it.

A record is one clip, a `tf.train.Example`: "image_aux1" and "image_main" hold 30 PNG
pictures, "action" and "endeffector_pos" 30 x 4 and 30 x 3 floats.
"""

import pathlib
import re
from typing import Any

import tensorflow as tf

from tfsigmavae.backend import require
from tfsigmavae.checks import check_choice
from tfsigmavae.files import read_json
from tfsigmavae_video.data import softmotion
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.record_reader import RecordReader

NAME = "bair_robot_pushing_small"
_SHAPE = (64, 64, 3)
_NUM_FRAMES = 30
# Field -> its feature, and how many numbers each frame has.
_FLOATS = {
    "actions": ("action", 4),
    "positions": ("endeffector_pos", 3),
}


class TfdsBairSource(ClipSource):
    """Clips of tensorflow-datasets' `bair_robot_pushing_small`.

    They are those of the archive, in the order that tensorflow-datasets has shuffled
    them into. Files of TFRecords need no other package, and files of ArrayRecords need
    `array_record`, which comes with tensorflow-datasets.

    Args:
        path: folder of the prepared files, with `features.json`, or one above it:
            `~/tensorflow_datasets` or `.../bair_robot_pushing_small`.
        split: "train" or "test".
        camera: "image_aux1" or "image_main".
        frame_shape: must be (64, 64, 3).
        with_actions: whether to read actions.
        with_positions: whether to read end-effector positions.

    Call arguments and returns: as of `SoftmotionSource`.

    Raises:
        FileNotFoundError: if a file of `split` is missing.
        ImportError: if the files are ArrayRecords and `array_record` is not installed.
        ValueError: on an argument out of its range, or a damaged file.
    """

    def __init__(
        self,
        path,
        split="train",
        camera="image_aux1",
        frame_shape=_SHAPE,
        with_actions=False,
        with_positions=False,
    ):
        check_choice("camera", camera, softmotion.CAMERAS)
        softmotion.check_split(split)
        if tuple(frame_shape) != _SHAPE:
            raise ValueError(
                f"`frame_shape` of '{path}' must be {_SHAPE}, got {tuple(frame_shape)}."
            )
        folder = find_prepared(pathlib.Path(path))
        files = _files(folder, split)
        wanted = {"actions": with_actions, "positions": with_positions}
        self._floats = {name: _FLOATS[name] for name in wanted if wanted[name]}
        self._camera = camera
        if "array_record" in files[0].name:
            self._record, num_clips = _array_records(files)
        else:
            index = index_records(files)
            self._record, num_clips = RecordReader(index), len(index)
        floats = {
            name: ([size], tf.float32) for name, (_, size) in self._floats.items()
        }
        super().__init__(
            num_frames=[_NUM_FRAMES] * num_clips,
            fields={"frames": (_SHAPE, tf.uint8)} | floats,
            files=files,
            view={"camera": camera},
            name=f"tfds-{split}",
        )

    def read(self, number, start, num_frames):
        serialized, name = self._record(number)
        features = {self._camera: tf.io.FixedLenFeature([_NUM_FRAMES], tf.string)}
        for feature, size in self._floats.values():
            features[feature] = tf.io.FixedLenFeature([_NUM_FRAMES, size], tf.float32)
        parsed: Any = tf.io.parse_example(serialized[None], features, [name])
        window = slice(start, start + num_frames)
        encoded = tf.ensure_shape(parsed[self._camera][0, window], [num_frames])
        pictures = [tf.io.decode_png(encoded[t], 3) for t in range(num_frames)]
        clip = {"frames": tf.stack(pictures)}
        for field, (feature, _) in self._floats.items():
            clip[field] = parsed[feature][0, window]
        return clip


def find_prepared(path):
    """The folder of the newest version at or below a path, or `None`."""
    for folder in (path, path / NAME):
        if folder.name == NAME or folder.parent.name == NAME:
            found = [folder / "features.json", *folder.glob("*/features.json")]
            found = [file.parent for file in found if file.is_file()]
            if found:
                return max(found, key=lambda file: _numbers(file.name))
    return None


def _numbers(name):
    return [int(number) for number in re.findall("[0-9]+", name)]


def _files(folder, split):
    known = {part["name"]: part for part in _splits(folder)}
    kind = read_json(folder / "dataset_info.json").get("fileFormat", "tfrecord")
    number = len(known[split]["shardLengths"]) if split in known else 0
    names = [
        f"{NAME}-{split}.{kind}-{shard:05}-of-{number:05}" for shard in range(number)
    ]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not names:
        raise FileNotFoundError(
            f"Split {split!r} of '{folder}' has {number} files, and {len(missing)} are "
            f"missing: {missing[:2]}. Copy them, or run `tfds build {NAME}` again."
        )
    return [folder / name for name in names]


def _splits(folder):
    info = read_json(folder / "dataset_info.json")
    return info.get("splits", [])


def _array_records(files):
    """Reader of ArrayRecord files, and the number of their records."""
    module = require("array_record.python.array_record_data_source", "datasets")
    source = module.ArrayRecordDataSource([str(file) for file in files])

    def record(number):
        serialized = tf.numpy_function(
            lambda number: source[int(number)], [number], tf.string, stateful=False
        )
        where = tf.strings.join(
            ["record ", tf.strings.as_string(number), f" of {files[0].parent}"]
        )
        return tf.ensure_shape(serialized, []), where

    return record, len(source)
