"""Reads the bytes of one record by its number, as graph operations."""

import tensorflow as tf

from tfsigmavae.checks import asserted
from tfsigmavae.graphs import as_written
from tfsigmavae_video.data.record_index import RecordIndex

_READ_BUFFER = 1 << 18  # bytes; the fastest of 64 KiB ... 2 MiB on 742 kB records


class RecordReader:
    """The record of a number, over all files of an index.

    Args:
        index: `RecordIndex`.

    Call arguments:
        number: integer scalar tensor.

    Returns:
        The record's bytes, and what messages call it: two string scalar tensors. Where
        it cannot be read, or its checksum is wrong, the graph stops with a
        `tf.errors.InvalidArgumentError` that names it.
    """

    def __init__(self, index: RecordIndex):
        self._files = tf.constant(index.files)
        self._names = tf.constant(index.names)
        self._file_numbers = tf.constant(index.file_numbers)
        self._offsets = tf.constant(index.offsets)
        self._numbers = tf.constant(index.numbers)

    def __call__(self, number):
        file_number = self._file_numbers[number]
        in_file = tf.strings.as_string(self._numbers[number])
        # No quotes: an `Assert` prints them with a backslash.
        name = ["record ", in_file, " of ", tf.gather(self._names, file_number)]
        name = tf.strings.join(name)
        file = tf.gather(self._files, file_number)
        serialized = _read(file, self._offsets[number])
        unread = " cannot be read, or its checksum is wrong. Copy the file again."
        serialized = asserted(
            serialized,
            tf.strings.length(serialized) > 0,
            [tf.strings.join([name, unread])],
        )
        return serialized, name


def first_record(index: RecordIndex) -> bytes:
    """The first record's bytes, unchecked."""
    file = index.files[index.file_numbers[0]]  # files before it may be empty
    with open(file, "rb") as stream:
        stream.seek(int(index.offsets[0]))
        length = int.from_bytes(stream.read(12)[:8], "little")
        return stream.read(length)


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
    record = tf.data.Dataset.from_tensors(offset).map(as_written(read)).ignore_errors()
    unreadable = tf.data.Dataset.from_tensors("")
    return record.concatenate(unreadable).take(1).get_single_element()
