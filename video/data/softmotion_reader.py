"""Softmotion records as a source of clips, each read by its number and checked."""

import math
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tfsigmavae.checks import asserted, check_choice
from tfsigmavae.files import read_json
from tfsigmavae_video.data import softmotion
from tfsigmavae_video.data.clip_source import ClipSource
from tfsigmavae_video.data.record_index import index_records
from tfsigmavae_video.data.record_reader import RecordReader, first_record

# How the files of pictures begin.
_PICTURES = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8"}
# Field -> the names of its features.
_FLOATS = {
    "actions": softmotion.action_key,
    "positions": softmotion.position_key,
}


class SoftmotionSource(ClipSource):
    """Clips of softmotion records; every error names the file, the record and the key.

    Args:
        root: record file, tar archive or folder, as for `bair.clips`.
        split: "train" or "test"; without effect where `root` is one record file.
        camera: "image_aux1" or "image_main".
        frame_shape: (height, width, channels) of the stored frames.
        num_record_frames: frames stored for each clip; `None` counts them in the first
            record.
        with_actions: whether to read actions.
        with_positions: whether to read end-effector positions.

    Call arguments:
        number: integer scalar tensor, number of a record, over all files.
        start: integer scalar tensor, the first frame to read.
        num_frames: int, how many frames to read; only theirs are parsed.

    Returns:
        dict of "frames" `[num_frames, H, W, C]` uint8 and, where asked for, "actions"
        `[num_frames, 4]` and "positions" `[num_frames, 3]`, float32.

    Raises:
        FileNotFoundError: if there are no TFRecord files of `split` under `root`.
        ValueError: on an argument out of its range, a file that is truncated or not a
            TFRecord file, or if the first record does not have what is asked for.
    """

    def __init__(
        self,
        root,
        split: softmotion.Split = "train",
        camera: softmotion.Camera = "image_aux1",
        frame_shape=(64, 64, 3),
        num_record_frames=None,
        with_actions=False,
        with_positions=False,
    ):
        check_choice("camera", camera, softmotion.CAMERAS)
        self._frame_shape = tuple(frame_shape)
        if len(self._frame_shape) != 3:
            raise ValueError(
                "`frame_shape` must be (height, width, channels), got "
                f"{self._frame_shape}."
            )
        wanted = {"actions": with_actions, "positions": with_positions}
        root = pathlib.Path(root)
        index = index_records(softmotion.find_files(root, split))
        features, where = _first_example(index)
        num_stored = _count_frames(features, camera, num_record_frames, where)
        self._check_frame(features, camera, where)
        self._floats = {
            name: (key_of, _float_size(features, key_of(0), where))
            for name, key_of in _FLOATS.items()
            if wanted[name]
        }
        floats = {
            name: ([size], tf.float32) for name, (_, size) in self._floats.items()
        }
        is_file = softmotion.is_record_file(root)
        super().__init__(
            num_frames=[num_stored] * len(index),
            fields={"frames": (self._frame_shape, tf.uint8)} | floats,
            files=list(dict.fromkeys(index.files)),
            view={"camera": camera},
            name=root.stem if is_file else split,
        )
        told: dict[str, Any] = (
            {"is_held_out": False} if is_file else _told_by_conversion(root)
        )
        self.is_held_out = told.get("is_held_out", True)
        rate = told.get("fps", {}).get(split)
        self.fps = None if rate is None else np.full(len(index), float(rate))
        self._frame_keys = [softmotion.frame_key(t, camera) for t in range(num_stored)]
        self._record = RecordReader(index)
        # Two splits of one tar archive are the same file.
        in_tar = index.names != index.files
        self._members = [pathlib.Path(name).name for name in index.names] * in_tar

    def read(self, number, start, num_frames):
        serialized, name = self._record(number)
        times = range(len(self._frame_keys))
        features = [(self._frame_keys, [], tf.string)] + [
            ([key_of(t) for t in times], [size], tf.float32)
            for key_of, size in self._floats.values()
        ]
        window = slice(start, start + num_frames)
        encoded, *floats = _parse(serialized, name, features, window, num_frames)
        clip = {"frames": self._decode(encoded, name, window)}
        return clip | dict(zip(self._floats, floats, strict=True))

    def fingerprint(self):
        members = {"members": self._members} if self._members else {}
        return super().fingerprint() | members

    def _decode(self, encoded, name, window):
        wanted = math.prod(self._frame_shape)
        lengths = tf.strings.length(encoded)
        first_bad = tf.argmax(tf.cast(lengths != wanted, tf.int32))
        message = [
            name,
            ": key ",
            tf.constant(self._frame_keys)[window][first_bad],
            f" must hold {wanted} bytes for `frame_shape` {self._frame_shape}, got ",
            tf.strings.as_string(lengths[first_bad]),
            ".",
            _if_encoded(encoded[first_bad]),
        ]
        # decode_raw pads and cuts without a word, so the lengths are checked first.
        right = tf.reduce_all(lengths == wanted)
        encoded = asserted(encoded, right, [tf.strings.join(message)])
        pixels = tf.io.decode_raw(encoded, tf.uint8)
        return tf.reshape(pixels, [encoded.shape[0], *self._frame_shape])

    def _check_frame(self, features, camera, where):
        frame = features[softmotion.frame_key(0, camera)].bytes_list.value
        frame = frame[0] if frame else b""
        if len(frame) != math.prod(self._frame_shape):
            raise ValueError(
                f"{where} must hold {math.prod(self._frame_shape)} bytes for "
                f"`frame_shape` {self._frame_shape} in each frame, got {len(frame)}."
                f"{_square_shapes(len(frame))}{_if_encoded(frame).numpy().decode()}"  # pyright: ignore[reportAttributeAccessIssue]
            )


def _told_by_conversion(root):
    """What converted clips tell of themselves; {} for others."""
    path = root / softmotion.DATASET
    return read_json(path) if path.is_file() else {}


def _count_frames(features, camera, num_record_frames, where):
    """How many frames to read of each record, by the first one."""
    num_stored = 0
    while softmotion.frame_key(num_stored, camera) in features:
        num_stored += 1
    if num_stored < (num_record_frames or 1):
        raise ValueError(
            f"{where} has no key '{softmotion.frame_key(num_stored, camera)}'."
            f" It has {len(features)} keys, such as {sorted(features)[:4]}."
        )
    return num_record_frames or num_stored


def _float_size(features, key, where):
    """How many numbers a feature holds."""
    if size := len(features[key].float_list.value):
        return size
    raise ValueError(
        f"{where} has no floats under the key '{key}': ask for clips without these."
    )


def _square_shapes(num_bytes):
    """What to say of the square frames that have so many bytes."""
    sides = [(math.isqrt(num_bytes // channels), channels) for channels in (3, 1, 4)]
    shapes = [
        f"({side}, {side}, {channels})"
        for side, channels in sides
        if side > 1 and side * side * channels == num_bytes
    ]
    return f" That would be `frame_shape` {' or '.join(shapes)}." if shapes else ""


def _if_encoded(frame):
    """What to say of bytes that are a picture's file, or nothing; a string tensor."""
    words = tf.constant("")
    for kind, beginning in _PICTURES.items():
        advice = (
            f" It holds {kind} pictures, and raw uint8 pixels are read: decode them "
            "(tf.io.decode_image), and write the clips by "
            "`tfsigmavae.video.write_shards`."
        )
        begins = tf.strings.substr(frame, 0, len(beginning)) == beginning
        words = tf.where(begins, advice, words)
    return words


def _first_example(index):
    """Features of the first record, and its name for messages."""
    # Files before it may be empty.
    where = f"Record 0 of '{index.names[index.file_numbers[0]]}'"
    try:
        example = tf.train.Example.FromString(first_record(index))
        return example.features.feature, where
    except DecodeError as error:
        raise ValueError(
            f"{where} is not a tf.train.Example; the file must be in the softmotion "
            "layout."
        ) from error


def _parse(serialized, name, features, window, num_frames):
    """The window of each feature, `[num_frames, ...]`, parsing nothing else.

    A feature is its keys, one a frame, its shape and its type. `tf.io.parse_example`
    knows keys as constants only; the operation behind it takes them from a tensor, so
    a window that is chosen at random costs as little as the first.
    """
    keys, shapes, defaults = [], [], []
    for feature_keys, shape, dtype in features:
        wanted = tf.constant(feature_keys)[window]
        keys.append(tf.ensure_shape(wanted, [num_frames]))
        shapes += [shape] * num_frames
        defaults += [tf.constant([], dtype)] * num_frames  # empty: the key is required
    no_keys = tf.constant([], tf.string)
    parsed = tf.raw_ops.ParseExampleV2(
        serialized=serialized[None],
        names=name[None],
        dense_keys=tf.concat(keys, 0),
        dense_defaults=defaults,
        dense_shapes=shapes,
        sparse_keys=no_keys,
        ragged_keys=no_keys,
        num_sparse=0,
        sparse_types=[],
        ragged_value_types=[],
        ragged_split_types=[],
    ).dense_values
    starts = range(0, len(parsed), num_frames)
    return [tf.concat(parsed[first : first + num_frames], 0) for first in starts]
