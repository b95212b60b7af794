"""Reads one softmotion record by its number, as graph operations, and checks it."""

import math

import tensorflow as tf
from google.protobuf.message import DecodeError

from tfsigmavae_video.data import softmotion

_READ_BUFFER = 1 << 18  # bytes; the fastest of 64 KiB ... 2 MiB on 742 kB records


class ClipReader:
    """Record number -> clip; every error names the file, the record and the key.

    Args:
        index: `RecordIndex` of the files.
        camera: "image_aux1" or "image_main".
        frame_shape: (height, width, channels) of the stored frames.
        num_record_frames: frames stored for each clip; `None` counts them in the first
            record.
        with_actions: whether to read actions.
        with_positions: whether to read end-effector positions.

    Call arguments:
        record: integer scalar tensor, number of a record.
        start: int32 scalar tensor, the first frame to read.
        num_frames: int, how many frames to read; only theirs are parsed.

    Returns:
        dict of "frames" `[num_frames, H, W, C]` uint8 and, where asked for, "actions"
        `[num_frames, 4]` and "positions" `[num_frames, 3]`, float32.

    Raises:
        ValueError: if the first record does not have what is asked for.
    """

    def __init__(
        self,
        index,
        camera="image_aux1",
        frame_shape=(64, 64, 3),
        num_record_frames=None,
        with_actions=False,
        with_positions=False,
    ):
        self.camera = camera
        self.frame_shape = tuple(frame_shape)
        if len(self.frame_shape) != 3:
            raise ValueError(
                "`frame_shape` must be (height, width, channels), got "
                f"{self.frame_shape}."
            )
        self.floats = {}
        if with_actions:
            self.floats["actions"] = (softmotion.action_key, softmotion.ACTION_SIZE)
        if with_positions:
            self.floats["positions"] = (
                softmotion.position_key,
                softmotion.POSITION_SIZE,
            )
        self.index = index
        self.num_record_frames = self._check_first_record(index, num_record_frames)
        times = range(self.num_record_frames)
        self._frame_keys = [softmotion.frame_key(t, camera) for t in times]
        self._files = tf.constant(index.files)
        self._file_numbers = tf.constant(index.file_numbers)
        self._offsets = tf.constant(index.offsets)
        self._numbers = tf.constant(index.numbers)

    @property
    def fields(self):
        """What a frame has: field name -> shape and type."""
        fields = {"frames": (self.frame_shape, tf.uint8)}
        return fields | {
            field: ((size,), tf.float32) for field, (_, size) in self.floats.items()
        }

    def __call__(self, record, start, num_frames):
        file = tf.gather(self._files, self._file_numbers[record])
        number = tf.strings.as_string(self._numbers[record])
        # No quotes: an `Assert` prints them with a backslash.
        name = tf.strings.join(["record ", number, " of ", file])
        serialized = _read(file, self._offsets[record])
        serialized = _checked(
            serialized,
            tf.strings.length(serialized) > 0,
            [name, " cannot be read, or its checksum is wrong. Copy the file again."],
        )
        times = range(self.num_record_frames)
        features = [(self._frame_keys, [], tf.string)] + [
            ([key_of(t) for t in times], [size], tf.float32)
            for key_of, size in self.floats.values()
        ]
        window = slice(start, start + num_frames)
        encoded, *floats = _parse(serialized, name, features, window, num_frames)
        clip = {"frames": self._decode(encoded, name, window)}
        return clip | dict(zip(self.floats, floats, strict=True))

    def _decode(self, encoded, name, window):
        wanted = math.prod(self.frame_shape)
        lengths = tf.strings.length(encoded)
        first_bad = tf.argmax(tf.cast(lengths != wanted, tf.int32))
        message = [
            name,
            ": key ",
            tf.constant(self._frame_keys)[window][first_bad],
            f" must hold {wanted} bytes for `frame_shape` {self.frame_shape}, got ",
            tf.strings.as_string(lengths[first_bad]),
            ".",
        ]
        # decode_raw pads and cuts without a word, so the lengths are checked first.
        encoded = _checked(encoded, tf.reduce_all(lengths == wanted), message)
        pixels = tf.io.decode_raw(encoded, tf.uint8)
        return tf.reshape(pixels, [encoded.shape[0], *self.frame_shape])

    def _check_first_record(self, index, num_record_frames):
        """Checks what can be known early; returns the number of frames stored."""
        features = _first_example(index)
        where = f"Record 0 of '{index.files[0]}'"
        num_stored = 0
        while softmotion.frame_key(num_stored, self.camera) in features:
            num_stored += 1
        if num_stored < (num_record_frames or 1):
            raise ValueError(
                f"{where} has no key '{softmotion.frame_key(num_stored, self.camera)}'."
                f" It has {len(features)} keys, such as {sorted(features)[:4]}."
            )
        frame = features[softmotion.frame_key(0, self.camera)].bytes_list.value
        size = len(frame[0]) if frame else 0
        if size != math.prod(self.frame_shape):
            raise ValueError(
                f"{where} must hold {math.prod(self.frame_shape)} bytes for "
                f"`frame_shape` {self.frame_shape} in each frame, got {size}."
            )
        for key_of, size in self.floats.values():
            if len(features[key_of(0)].float_list.value) != size:
                raise ValueError(f"{where}: key '{key_of(0)}' must hold {size} floats.")
        return num_record_frames or num_stored


def _first_example(index):
    with open(index.files[0], "rb") as stream:
        stream.seek(int(index.offsets[0]))
        length = int.from_bytes(stream.read(12)[:8], "little")
        serialized = stream.read(length)
    try:
        return tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError(
            f"Record 0 of '{index.files[0]}' is not a tf.train.Example; the file must "
            "be in the softmotion layout."
        ) from error


def _read(file, offset):
    """The record's bytes; empty where it cannot be read or its checksum is wrong."""

    def read(offset):
        variant = tf.raw_ops.TFRecordDatasetV2(
            filenames=file[None],
            compression_type="",
            buffer_size=_READ_BUFFER,
            byte_offsets=offset[None],
        )
        spec = tf.TensorSpec([], tf.string)
        records = tf.data.experimental.from_variant(variant, spec)
        return records.take(1).get_single_element()

    # TensorFlow's own error knows neither file nor record. `ignore_errors` tries its
    # input again until it ends, so the read is the map of a single element: one try.
    record = tf.data.Dataset.from_tensors(offset).map(read).ignore_errors()
    unreadable = tf.data.Dataset.from_tensors("")
    return record.concatenate(unreadable).take(1).get_single_element()


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


def _checked(value, condition, message):
    """`value`, once `condition` holds; otherwise an error with the joined message."""
    check = tf.debugging.Assert(condition, [tf.strings.join(message)])
    with tf.control_dependencies([check]):
        return tf.identity(value)
