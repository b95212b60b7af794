"""Decodes all clips of a set of records, into memory or into a folder of files."""

import contextlib
import json
import os
import pathlib
import shutil
import sys
import time
import uuid

import numpy as np
import tensorflow as tf

_BATCH_SIZE = 16
_SECONDS_BETWEEN_NEWS = 10


def source_of(reader, num_frames):
    """What decoded clips are made from, as JSON values: other records, other values."""
    files = [pathlib.Path(file) for file in reader.index.files]
    stats = [file.stat() for file in files]
    return {
        "files": [
            [file.name, stat.st_size, stat.st_mtime_ns]
            for file, stat in zip(files, stats, strict=True)
        ],
        "num_clips": len(reader.index),
        "num_frames": num_frames,
        "camera": reader.camera,
        "fields": {
            field: [*shape, dtype.name]
            for field, (shape, dtype) in reader.fields.items()
        },
    }


def to_memory(reader, num_frames):
    num_bytes = _num_bytes(reader, num_frames)
    _check_room(num_bytes, _available_memory(), "of memory are available", "a folder")
    arrays = {
        field: np.empty([len(reader.index), num_frames, *shape], dtype.as_numpy_dtype)
        for field, (shape, dtype) in reader.fields.items()
    }
    first = 0
    for batch in _decode(reader, num_frames, "memory"):
        for field, value in batch.items():
            arrays[field][first : first + len(value)] = value
        first += len(batch["frames"])
    return arrays


def to_files(folder, source, reader, num_frames):
    """Makes `folder` in one step when it is complete, whoever else makes it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*"):
        print(
            f"'{left}' is unfinished: another process is making it, or was killed and "
            "has left it to be deleted.",
            file=sys.stderr,
        )
    room = shutil.disk_usage(folder.parent).free
    where = f"are free in '{folder.parent}'"
    _check_room(_num_bytes(reader, num_frames), room, where, "another folder")
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    partial.mkdir()
    try:
        _write_files(partial, reader, num_frames, f"'{folder}'")
        (partial / "source.json").write_text(json.dumps(source, indent=1) + "\n")
        partial.rename(folder)
    except OSError:
        if not folder.exists():  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_files(folder, reader, num_frames, where):
    with contextlib.ExitStack() as stack:
        streams = {}
        for field, (shape, dtype) in reader.fields.items():
            stream = stack.enter_context(open(folder / f"{field}.npy", "wb"))
            header = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(dtype.as_numpy_dtype)),
                "fortran_order": False,
                "shape": (len(reader.index), num_frames, *shape),
            }
            np.lib.format.write_array_header_1_0(stream, header)
            streams[field] = stream
        for batch in _decode(reader, num_frames, where):
            for field, value in batch.items():
                streams[field].write(value)
        for stream in streams.values():
            stream.flush()
            os.fsync(stream.fileno())  # on the disk before the folder has its name


def _decode(reader, num_frames, where):
    """Batches of all clips in order, as arrays; tells how far it is."""
    num_clips = len(reader.index)
    size = _num_bytes(reader, num_frames) / 1e9
    print(
        f"Decoding {num_clips:,} clips ({size:.3g} GB) to {where} ...", file=sys.stderr
    )
    batches = (
        tf.data.Dataset.range(num_clips)
        .map(
            lambda record: reader(record, 0, num_frames),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        .batch(_BATCH_SIZE)
        .prefetch(2)
    )
    done, told = 0, time.monotonic()
    for batch in batches.as_numpy_iterator():
        yield batch
        done += len(batch["frames"])
        if time.monotonic() - told > _SECONDS_BETWEEN_NEWS:
            print(f"{done:,} of {num_clips:,} clips decoded", file=sys.stderr)
            told = time.monotonic()


def _num_bytes(reader, num_frames):
    sizes = [np.prod(shape) * dtype.size for shape, dtype in reader.fields.values()]
    return len(reader.index) * num_frames * int(sum(sizes))


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
