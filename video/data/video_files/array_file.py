"""Videos in NumPy's files: .npy, read in place, and .npz."""

import contextlib
import pathlib

import numpy as np

from tfsigmavae_video.data.video_files.video_file import VideoError, VideoFile

_LAYOUTS = (
    "uint8 or float in [0, 1], [T, H, W, C] or [T, H, W] for one video, "
    "[N, T, H, W, C] for several"
)


class ArrayFile(VideoFile):
    """One video of a .npy or .npz file.

    Frames of a .npy are read from the disk as they are wanted. An array of a .npz is
    decompressed as a whole at the first reading, and kept until `close`.

    Args:
        path: `pathlib.Path`.
        member: `None`, an int, "NAME" or "NAME/NUMBER", as `members` gives.
    """

    def __init__(self, path, member):
        self._array_name, self._number = _parts(path, member)
        shape, self._dtype = _headers(path)[self._array_name]
        if self._number is not None:
            shape = shape[1:]
        if len(shape) == 3:
            shape = (*shape, 1)
        super().__init__(path, member, shape[0], None, tuple(shape[1:]))
        self._videos = None

    def _frames(self, numbers):
        if self._videos is None:
            self._videos = _load(self.path, self._array_name)
        video = self._videos if self._number is None else self._videos[self._number]
        for number in numbers:
            yield self._as_uint8(np.asarray(video[number]), number).reshape(self.shape)

    def _as_uint8(self, frame, number):
        if frame.dtype == np.uint8:
            return frame
        if not (np.all(frame >= 0.0) and np.all(frame <= 1.0)):
            raise VideoError(
                f"'{self.name}' has values outside [0, 1] in frame {number}: from "
                f"{frame.min():.4g} to {frame.max():.4g}. Store uint8, or divide by "
                "the largest value."
            )
        return np.round(255.0 * frame).astype(np.uint8)

    def close(self):
        self._videos = None


def members(path) -> list:
    """Names of the videos in a .npy or .npz file; [None] for a .npy of one."""
    found = []
    for name, (shape, _) in _headers(path).items():
        if len(shape) < 5:
            found.append(name)
        else:
            numbers = range(shape[0])
            found += [n if name is None else f"{name}/{n}" for n in numbers]
    return found


def _parts(path, member):
    """The name of the array and the number in it."""
    arrays = _headers(path)
    if path.suffix.lower() == ".npy":
        name, number = None, member
    elif member in arrays or member is None:
        name, number = member, None
    else:
        name, _, number = str(member).rpartition("/")
    if member is None and path.suffix.lower() == ".npz" and len(arrays) == 1:
        name = next(iter(arrays))
    if name not in arrays or (member is not None and member not in members(path)):
        raise VideoError(
            f"'{path}' holds no video {member!r}. Choose one of: {members(path)}."
        )
    if number is None and len(arrays[name][0]) == 5:
        raise VideoError(
            f"'{path}' holds {arrays[name][0][0]} videos. Choose one of: "
            f"{members(path)}."
        )
    return name, None if number is None else int(number)


def _headers(path):
    """Array name -> (shape, dtype), from the headers alone."""
    with _explained(path):
        if path.suffix.lower() == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return {None: _checked(path, array.shape, array.dtype)}
        with np.load(path, allow_pickle=False) as arrays:
            found = {}
            for name in arrays.files:
                with arrays.zip.open(f"{name}.npy") as stream:
                    version = np.lib.format.read_magic(stream)
                    read = {
                        (1, 0): np.lib.format.read_array_header_1_0,
                        (2, 0): np.lib.format.read_array_header_2_0,
                    }[version]
                    shape, _, dtype = read(stream)
                found[name] = _checked(f"{path}:{name}", shape, dtype)
            return found


def _checked(where, shape, dtype):
    is_video = 3 <= len(shape) <= 5 and 0 not in shape
    if len(shape) >= 4:
        is_video = is_video and shape[-1] in (1, 3, 4)
    if not is_video or not (dtype == np.uint8 or dtype.kind == "f"):
        raise VideoError(
            f"'{where}' is {dtype} of shape {tuple(shape)}. It must be {_LAYOUTS}, "
            "with C 1, 3 or 4."
        )
    return tuple(shape), dtype


def _load(path, name):
    with _explained(path):
        if name is None:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]


@contextlib.contextmanager
def _explained(path: pathlib.Path):
    try:
        yield
    except VideoError:
        raise
    except Exception as error:
        raise VideoError(f"'{path}' is no readable NumPy file: {error}.") from error
