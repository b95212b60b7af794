"""Decoded clips by record number and first frame, from memory or from files.

Both hold the same bytes as the records, without what is not asked for: the frames of
one camera, and actions and positions if wanted.
"""

import json
import os
import pathlib
import weakref

import numpy as np
import tensorflow as tf

from tfsigmavae_video.data import decoding

# What is in use is not decoded twice.
in_memory = weakref.WeakValueDictionary()


class DecodedClips:
    """Record numbers and first frames -> a batch of clips.

    Args:
        fields: dict, field name -> `[num_clips, num_stored, ...]` array, or `_NpyFile`
            of one.

    Call arguments:
        records: `[B]` integer tensor, numbers of records.
        starts: `[B]` integer tensor, the first frame of each.
        num_frames: int, frames of each.

    Returns:
        dict of field name -> `[B, num_frames, ...]` tensor, as `ClipReader` gives it.
    """

    def __init__(self, fields):
        self.fields = fields

    def __call__(self, records, starts, num_frames):
        # TensorFlow never forgets `pick`, so it must not own the arrays; the dataset
        # that maps these clips does.
        clips = weakref.ref(self)

        def pick(records, starts):
            times = starts[:, None] + np.arange(num_frames)
            return [field[records[:, None], times] for field in clips().fields.values()]

        dtypes = [field.dtype for field in self.fields.values()]
        # `tf.gather` from a constant would hold the array three times over.
        picked = tf.numpy_function(pick, [records, starts], dtypes, stateful=False)
        return {
            name: tf.ensure_shape(
                value, [records.shape[0], num_frames, *field.shape[2:]]
            )
            for value, (name, field) in zip(picked, self.fields.items(), strict=True)
        }


def check_cache(cache):
    """Raises a `ValueError` unless `cache` is None, "memory" or a folder's name."""
    folder = isinstance(cache, os.PathLike | str) and cache not in ("", "none", "disk")
    if cache is not None and not folder:
        raise ValueError(
            f"`cache` must be None, 'memory' or a folder for the files, got {cache!r}."
        )


def decoded_clips(cache, name, reader, num_frames) -> DecodedClips:
    """Decodes all clips, or finds them decoded.

    Args:
        cache: "memory", or the folder in which to put a folder of files.
        name: name of the clips; begins that of their folder.
        reader: `ClipReader`.
        num_frames: how many frames of each record, from the first on.

    Raises:
        ValueError: if there is too little room, or the files are of other records.
    """
    source = decoding.source_of(reader, num_frames)
    if cache == "memory":
        key = json.dumps([reader.index.files, source])
        if (clips := in_memory.get(key)) is None:
            clips = DecodedClips(decoding.to_memory(reader, num_frames))
            in_memory[key] = clips
        return clips
    parts = [name, reader.camera, num_frames, *list(reader.fields)[1:]]
    folder = pathlib.Path(cache) / "-".join(map(str, parts))
    if not folder.exists():
        decoding.to_files(folder, source, reader, num_frames)
    _check_source(folder, source)
    return DecodedClips(
        {field: _NpyFile(folder / f"{field}.npy") for field in reader.fields}
    )


class _NpyFile:
    """Array file whose rows are read when asked for; memory use does not grow.

    A memory map would be as fast, but is counted as the process's own memory, waits
    for the disk once a page, and kills the process if the file is cut.
    """

    def __init__(self, path):
        array = np.load(path, mmap_mode="r")
        self.path, self.shape, self.dtype = path, array.shape, array.dtype
        self._offset = array.offset

    def __getitem__(self, where):
        """Rows `[B, T]` of the first two axes; along T they must be neighbours."""
        records, times = where
        rows = np.empty([*times.shape, *self.shape[2:]], self.dtype)
        firsts = records[:, 0].astype(np.int64) * self.shape[1] + times[:, 0]
        positions = self._offset + firsts * rows[0, 0].nbytes
        # Opened anew: threads do not share a position, and nothing is left open.
        with open(self.path, "rb", buffering=0) as stream:
            for row, position in zip(rows, positions.tolist(), strict=True):
                stream.seek(position)
                if stream.readinto(row) != row.nbytes:
                    raise ValueError(f"'{self.path}' was cut while in use.")
        return rows


def _check_source(folder, source):
    path = folder / "source.json"
    saved = json.loads(path.read_text()) if path.is_file() else {}
    changed = [key for key in source if saved.get(key) != source[key]]
    if changed:
        raise ValueError(
            f"'{folder}' was not decoded from these records (different: "
            f"{', '.join(changed)}). Delete it to have them decoded again, or name "
            "another folder as `cache`."
        )
