"""Decoded clips by number and first frame, from memory or from files.

Both hold the same bytes as the clips, without what is not asked for: the fields of one
source, and of each clip as many frames as windows reach.
"""

import json
import os
import pathlib
import re
import weakref

import numpy as np
import tensorflow as tf

from tfsigmavae.files import read_json
from tfsigmavae_video.data import decoding
from tfsigmavae_video.data.clip_source import ClipSource, run_lengths

# What is in use is not decoded twice.
in_memory = weakref.WeakValueDictionary()


class DecodedClips:
    """Clip numbers and first frames -> a batch of clips.

    Args:
        fields: dict, field name -> `[num_frames_of_all, ...]` array, or `_NpyFile` of
            one.
        offsets: `[num_clips]` int64 array, where each clip begins in them.

    Call arguments:
        numbers: `[B]` integer tensor, numbers of clips.
        starts: `[B]` integer tensor, the first frame of each.
        num_frames: int, frames of each.

    Returns:
        dict of field name -> `[B, num_frames, ...]` tensor, as a `ClipSource` gives it.
    """

    def __init__(self, fields, offsets):
        self.fields = fields
        self.offsets = offsets

    def __call__(self, numbers, starts, num_frames):
        # TensorFlow never forgets `pick`, so it must not own the arrays; the dataset
        # that maps these clips does.
        method = weakref.WeakMethod(self._pick)

        def pick(numbers, starts):
            return method()(numbers, starts, num_frames)  # pyright: ignore[reportOptionalCall]

        dtypes = [field.dtype for field in self.fields.values()]
        # `tf.gather` from a constant would hold the array three times over.
        picked = tf.numpy_function(pick, [numbers, starts], dtypes, stateful=False)
        return {
            name: tf.ensure_shape(
                value, [numbers.shape[0], num_frames, *field.shape[1:]]
            )
            for value, (name, field) in zip(picked, self.fields.items(), strict=True)
        }

    def _pick(self, numbers, starts, num_frames):
        firsts = self.offsets[numbers] + starts
        frames = firsts[:, None] + np.arange(num_frames)
        return [field[frames] for field in self.fields.values()]


def check_cache(cache):
    """Raises a `ValueError` unless `cache` is None, "memory" or a folder's name."""
    folder = isinstance(cache, os.PathLike | str) and cache not in ("", "none", "disk")
    if cache is not None and not folder:
        raise ValueError(
            f"`cache` must be None, 'memory' or a folder for the files, got {cache!r}."
        )


def decoded_clips(cache, source, lengths) -> DecodedClips:
    """Decodes all clips, or finds them decoded.

    In memory they live as long as `source`, or as a data set that uses them; another
    source of the same clips finds them there.

    Args:
        cache: "memory", or the folder in which to put a folder of files.
        source: `ClipSource`.
        lengths: `[num_clips]` int64 array, how many frames of each clip, from the
            first on.

    Raises:
        ValueError: if there is too little room, or the files are of other clips.
    """
    if not source.files and type(source).fingerprint is ClipSource.fingerprint:
        raise ValueError(
            f"{type(source).__name__} names no `files`, so a cache cannot tell its "
            "clips from others. Name the files, or write `fingerprint`."
        )
    origin = source.fingerprint() | {"kept": run_lengths(lengths)}
    offsets = decoding.offsets(lengths)
    if cache == "memory":
        key = json.dumps([[str(file) for file in source.files], origin])
        if (clips := in_memory.get(key)) is None:
            clips = DecodedClips(decoding.to_memory(source, lengths), offsets)
            in_memory[key] = clips
        source.decoded[key] = clips
        return clips
    folder = pathlib.Path(cache) / _folder_name(source, lengths)
    if not folder.exists():
        decoding.to_files(folder, origin, source, lengths)
    _check_origin(folder, origin)
    fields = {field: _NpyFile(folder / f"{field}.npy") for field in source.fields}
    return DecodedClips(fields, offsets)


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
        """Rows `[B, T]`; along T they must be neighbours."""
        rows = np.empty([*where.shape, *self.shape[1:]], self.dtype)
        positions = self._offset + where[:, 0] * rows[0, 0].nbytes
        # Opened anew: threads do not share a position, and nothing is left open.
        with open(self.path, "rb", buffering=0) as stream:
            for row, position in zip(rows, positions.tolist(), strict=True):
                stream.seek(position)
                if stream.readinto(row) != row.nbytes:
                    raise ValueError(f"'{self.path}' was cut while in use.")
        return rows


def _folder_name(source, lengths):
    """Such as train-image_aux1-12-actions; for people, `_check_origin` is for sure."""
    shortest, longest = lengths.min(), lengths.max()
    kept = shortest if shortest == longest else f"{shortest}_to_{longest}"
    parts = [source.name, *source.view.values(), kept, *list(source.fields)[1:]]
    return "-".join(re.sub(r"[^\w.]+", "_", str(part)) for part in parts)


def _check_origin(folder, origin):
    path = folder / "source.json"
    saved = read_json(path) if path.is_file() else {}
    changed = [key for key in origin if saved.get(key) != origin[key]]
    if changed:
        raise ValueError(
            f"'{folder}' was not decoded from these clips (different: "
            f"{', '.join(changed)}). Delete it to have them decoded again, or name "
            "another folder as `cache`."
        )
