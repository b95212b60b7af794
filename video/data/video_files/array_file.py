"""Videos in NumPy's files: .npy, read in place, and .npz."""

import math
import os
import threading
import weakref
import zipfile

import numpy as np
from numpy.lib import format as npy

from tfsigmavae.inputs import CheckedZip, explained, read_arrays
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile

_LAYOUTS = (
    "[T, H, W, C] or [T, H, W] (one video) or [N, T, H, W, C] (several), with C 1, 3 "
    "or 4, uint8 or floats in [0, 1]"
)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_WHAT = "is no NumPy file that can be read"
_STORE = "Write it without compression (`numpy.savez`)."
# Arrays of several videos: one in memory for all of them that are open.
_shared = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


class ArrayFile(VideoFile):
    """One video of a .npy or .npz file.

    Of a .npy, only the frames that are read leave the disk. An array of a .npz is
    decompressed as a whole at the first reading and kept until `close`; the videos of
    one array share it until the last of them is closed.

    Args:
        path: `pathlib.Path`.
        member: one of `members(path)`; may be `None` if there is only one.

    Raises:
        VideoError: if the file is damaged, or its arrays are no videos.
    """

    def __init__(self, path, member=None):
        videos = _videos(path)
        if member is None and len(videos) == 1:
            member = next(iter(videos))
        if member not in videos:
            raise VideoError(
                f"'{path}' holds no video {member!r}. Choose one of: {list(videos)}."
            )
        self._array_name, self._number, shape = videos[member]
        shape = (*shape, 1) if len(shape) == 3 else shape
        super().__init__(path, member, shape[0], None, shape[1:])
        self._array = None

    def close(self):
        self._array = None

    def _frames(self, numbers):
        if self._array is None:
            load = _load if self._number is None else _load_shared
            with _explained(self.path):
                self._array = _undisturbed(load, self.path, self._array_name)
        video = self._array if self._number is None else self._array[self._number]
        for number in numbers:
            frame = np.asarray(video[number]).reshape(self.shape)
            yield self._in_uint8(frame, number)

    def _in_uint8(self, frame, number):
        if frame.dtype == np.uint8:
            return frame
        if not (frame.min() >= 0.0 and frame.max() <= 1.0):  # NaN neither
            raise VideoError(
                f"'{self.name}' has values from {frame.min():.4g} to {frame.max():.4g} "
                f"in frame {number}. Floats must lie in [0, 1]; or store uint8."
            )
        return np.rint(255.0 * frame.astype(np.float64)).astype(np.uint8)


def members(path) -> list:
    """The videos of a .npy or .npz file, from its headers alone.

    Other arrays of a .npz, such as labels, are left out where it has videos.

    Returns:
        list: of names for a .npz ("NAME", or "NAME/0", "NAME/1", ... where an array has
        several videos), of numbers for a .npy of several, [None] for a .npy of one.
    """
    return list(_videos(path))


def _videos(path):
    """Member -> (name of its array, its number in there or None, its shape)."""
    videos, problems = {}, []
    for name, shape, dtype in _undisturbed(_headers, path):
        where = path if name is None else f"{path}:{name}"
        if not _is_layout(shape, dtype):
            problems.append(f"'{where}' is {dtype} {tuple(shape)}.")
        elif len(shape) < 5:
            videos[name] = name, None, shape
        else:
            for number in range(shape[0]):
                member = number if name is None else f"{name}/{number}"
                videos[member] = name, number, shape[1:]
    if problems and not videos:
        raise VideoError(f"{problems[0]} Videos are {_LAYOUTS}.")
    if not videos:
        raise VideoError(f"'{path}' holds no arrays.")
    return videos


def _undisturbed(read, *arguments):
    """`read(*arguments)`, again where Python's parser was disturbed by another thread.

    NumPy reads headers with it, and videos are read by several threads. Before Python
    3.11.8 it counts its depth once for all threads, and raises a SystemError where
    they come between one another (python/cpython#106905).
    """
    for _ in range(10):
        try:
            return read(*arguments)
        except SystemError:
            continue
    return read(*arguments)


def _headers(path):
    with _explained(path):
        if not zipfile.is_zipfile(path):
            array = _load(path, None)
            return [(None, array.shape, array.dtype)]
        with CheckedZip(path, _STORE) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            found = []
            for name in names:
                with archive.open(name) as stream:
                    shape, _, dtype = _HEADERS[npy.read_magic(stream)](stream)
                size = archive.getinfo(name).file_size
                if not dtype.hasobject and math.prod(shape) * dtype.itemsize > size:
                    raise ValueError(f"'{name}' is shorter than it says")
                found.append((name.removesuffix(".npy"), shape, dtype))
            return found


def _is_layout(shape, dtype):
    is_layout = 3 <= len(shape) <= 5 and min(shape) > 0
    is_layout = is_layout and (len(shape) == 3 or shape[-1] in (1, 3, 4))
    return is_layout and (dtype == np.uint8 or dtype.kind == "f")


def _load(path, name):
    if name is None:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    return read_arrays(path, [name], _WHAT)[name]


def _load_shared(path, name):
    """As `_load`; what a video that is open holds already is not loaded again."""
    facts = os.stat(path)
    key = os.path.abspath(path), name, facts.st_mtime_ns, facts.st_size
    with _shared_lock:
        array = _shared.get(key)
        if array is None:
            array = _shared[key] = _load(path, name)
        return array


def _explained(path):
    way_out = "Write it again, or leave it out."
    return explained(f"'{path}'", _WHAT, way_out, VideoError)
