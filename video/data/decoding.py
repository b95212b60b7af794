"""Decodes all clips of a source, into memory or into a folder of files.

The frames of all clips stand in one array for each field, one clip after another: the
shorter ones first, so that clips of one length are decoded and written together.
"""

import contextlib
import math
import os
import pathlib
import shutil
import sys
import time
from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae.files import other_writers, whole, write_json
from tfsigmavae.graphs import as_written

_BATCH_SIZE = 16
_SECONDS_BETWEEN_NEWS = 10


def offsets(lengths) -> np.ndarray:
    """Where each clip begins: `[num_clips]` int64, for clips of such `lengths`."""
    order = _order(lengths)
    starts = np.empty_like(lengths)
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    return starts


def to_memory(source, lengths) -> dict:
    """Field name -> array of the first frames, as many as `lengths`, of all clips."""
    num_bytes = _num_bytes(source, lengths)
    _check_room(num_bytes, _available_memory(), "of memory are available", "a folder")
    arrays = {
        field: np.empty([lengths.sum(), *shape], dtype.as_numpy_dtype)
        for field, (shape, dtype) in source.fields.items()
    }
    first = 0
    for frames in _decode(source, lengths, "memory"):
        for field, value in frames.items():
            arrays[field][first : first + len(value)] = value
        first += len(frames["frames"])
    return arrays


def to_files(folder, origin, source, lengths):
    """Makes `folder` in one step when it is complete, whoever else makes it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in other_writers(folder):
        print(
            f"'{left}' is unfinished: another process is making it, or was killed on "
            "another machine and has left it to be deleted.",
            file=sys.stderr,
        )
    room = shutil.disk_usage(folder.parent).free
    where = f"are free in '{folder.parent}'"
    _check_room(_num_bytes(source, lengths), room, where, "another folder")
    with whole(folder, first_stays=True) as partial:
        partial.mkdir()
        _write_files(partial, source, lengths, f"'{folder}'")
        write_json(partial / "source.json", origin)


def _write_files(folder, source, lengths, where):
    with contextlib.ExitStack() as stack:
        streams = {}
        for field, (shape, dtype) in source.fields.items():
            stream = stack.enter_context(open(folder / f"{field}.npy", "wb"))
            header = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(dtype.as_numpy_dtype)),
                "fortran_order": False,
                "shape": (int(lengths.sum()), *shape),
            }
            np.lib.format.write_array_header_1_0(stream, header)
            streams[field] = stream
        for frames in _decode(source, lengths, where):
            for field, value in frames.items():
                streams[field].write(value)
        for stream in streams.values():
            stream.flush()
            os.fsync(stream.fileno())  # on the disk before the folder has its name


def _order(lengths):
    """The clips in the order in which they are kept; of one length, as they come."""
    return np.argsort(lengths, kind="stable")


def _decode(source, lengths, where):
    """Frames of several clips at a time, as arrays; tells how far it is."""
    num_clips, size = len(lengths), _num_bytes(source, lengths) / 1e9
    print(
        f"Decoding {num_clips:,} clips ({size:.3g} GB) to {where} ...", file=sys.stderr
    )
    order = _order(lengths)
    done, told = 0, time.monotonic()
    # One graph for each length: the number of frames in a tensor is fixed.
    for length in np.unique(lengths).tolist():
        numbers = order[lengths[order] == length]
        clips: Any
        for clips in _batches(source, numbers, length):
            yield {
                field: value.reshape([-1, *value.shape[2:]])
                for field, value in clips.items()
            }
            done += len(clips["frames"])
            if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
                print(f"{done:,} of {num_clips:,} clips decoded", file=sys.stderr)
                told = time.monotonic()


def _batches(source, numbers, length):
    """Batches of clips of one length, in order, as arrays."""
    batches = (
        tf.data.Dataset.from_tensor_slices(numbers)
        .map(
            as_written(lambda number: source(number, 0, length)),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        .batch(_BATCH_SIZE)
        .prefetch(2)
    )
    return batches.as_numpy_iterator()


def _num_bytes(source, lengths):
    sizes = [math.prod(shape) * dtype.size for shape, dtype in source.fields.values()]
    return int(lengths.sum()) * sum(sizes)


def _check_room(needed, room, where, other):
    if needed > room:
        raise ValueError(
            f"`cache` needs {needed / 1e9:.3g} GB, and {room / 1e9:.3g} GB {where}. "
            f"Name {other} as `cache`, or go without (None)."
        )


def _available_memory():
    """Bytes that can be had without swapping; all there are where nobody tells."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    except FileNotFoundError:  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    amounts = dict(line.split(":") for line in lines)
    return int(amounts["MemAvailable"].split()[0]) * 1024
