"""Where clips come from: what every kind of data must tell, and how it is read."""

import abc
import functools
import itertools
import json
import pathlib
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsigmavae.typing import Array, PathLike
from tfsigmavae_video.data.python_calls import guarded


class ClipSource(abc.ABC):
    """Clips by number, whatever they are stored as.

    A subclass hands its facts to this constructor and writes `read`. `batches`,
    `first_clips` and the cache of decoded frames then work with it, and each clip that
    it gives is checked against `fields`.

    Args:
        num_frames: `[N]` integers, frames of each clip; clips may differ in length.
        fields: dict, name -> (shape, type) of what belongs to one frame. "frames" is
            always there, (height, width, channels); pictures are `tf.uint8`.
        files: list of paths of all files that hold the clips.
        view: dict of JSON values that tells this view of the files from another one,
            such as the camera or a size; {} where there is only one.
        name: short name of the clips; begins that of the folder of a cache. By default
            that of the first file's folder.

    Call arguments:
        number: integer scalar tensor, number of a clip.
        start: integer scalar tensor, the first frame to read.
        num_frames: int, how many frames to read.

    Returns:
        dict of field name -> `[num_frames, ...]` tensor.

    Attributes:
        is_held_out: bool, whether the splits "train" and "test" of such data are other
            clips. A subclass says so where both are the same; `True` by default.

    Raises:
        ValueError: if there are no clips or one has no frames, if `fields` has no
            "frames" of that rank, or a clip has other fields, types or shapes.
    """

    # Whether the clips of one split are others than those of the other splits.
    is_held_out = True
    # Frames per second of the clips, where the data tell: float array `[N]` with NaN.
    fps = None

    def __init__(
        self,
        num_frames: Array,
        fields: Mapping[str, tuple[Sequence[int], Any]],
        files: Sequence[PathLike],
        view: Mapping[str, Any],
        name: str | None = None,
    ):
        self.num_frames = np.array(num_frames, np.int64)
        if self.num_frames.ndim != 1 or not self.num_frames.size:
            raise ValueError(
                "`num_frames` must be one number for each clip, and at least one, got "
                f"shape {self.num_frames.shape}."
            )
        if np.any(self.num_frames < 1):
            empty = np.argmax(self.num_frames < 1)
            raise ValueError(f"Clip {empty} of {len(self)} has no frames.")
        self.num_frames.flags.writeable = False
        if len(fields.get("frames", [()])[0]) != 3:
            raise ValueError(
                '`fields` must hold "frames" of shape (height, width, channels), got '
                f"{fields}."
            )
        self.fields = {
            field: (tuple(shape), tf.as_dtype(dtype))
            for field, (shape, dtype) in fields.items()
        }
        self.files = [pathlib.Path(file) for file in files]
        self.view = dict(view)
        first = self.files[0].absolute().parent.name if self.files else ""
        self.name = name or first or type(self).__name__

    def __len__(self):
        """Number of clips."""
        return len(self.num_frames)

    @abc.abstractmethod
    def read(self, number: tf.Tensor, start: tf.Tensor, num_frames: int) -> dict:
        """Reads a clip, as graph operations; arguments and result are those of a call.

        A source is called, and checks what `read` gives.
        """

    def __call__(
        self, number: int | tf.Tensor, start: int | tf.Tensor, num_frames: int
    ) -> dict[str, tf.Tensor]:
        number, start = tf.convert_to_tensor(number), tf.convert_to_tensor(start)
        clip = self.read(number, start, num_frames)
        if clip.keys() != self.fields.keys():
            raise ValueError(
                f"{type(self).__name__}.read must give {sorted(self.fields)}, got "
                f"{sorted(clip)}."
            )
        return {
            field: tf.ensure_shape(
                tf.convert_to_tensor(clip[field], dtype), [num_frames, *shape]
            )
            for field, (shape, dtype) in self.fields.items()
        }

    def fingerprint(self) -> dict:
        """What the clips are made from, as JSON values: other clips, other values.

        Files count by name, size and time of change. What a subclass makes of them is
        not seen: a source whose `read` changes must say so in `view`.
        A source without files that wants a cache writes its own `fingerprint`.
        """
        stats = [(file.name, file.stat()) for file in self.files]
        values = {
            "source": f"{type(self).__module__}.{type(self).__qualname__}",
            "files": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
            "num_frames": run_lengths(self.num_frames),
            "view": self.view,
            "fields": {
                field: [*shape, dtype.name]
                for field, (shape, dtype) in self.fields.items()
            },
        }
        return json.loads(json.dumps(values))  # as they are read back: tuples as lists

    @functools.cached_property
    def decoded(self) -> dict:
        """Decoded clips that were kept in memory; they live as long as the source."""
        return {}


class ArrayClipSource(ClipSource):
    """Clips that are read by plain Python, as arrays: any library will do.

    A subclass writes `read_arrays`, which is called from several threads at once.

    Example:
        >>> class NpyClips(ArrayClipSource):
        ...     def __init__(self, files):
        ...         self.clips = [np.load(file, mmap_mode="r") for file in files]
        ...         lengths = [len(clip) for clip in self.clips]
        ...         fields = {"frames": (self.clips[0].shape[1:], tf.uint8)}
        ...         super().__init__(lengths, fields, files, view={})
        ...
        ...     def read_arrays(self, number, start, num_frames):
        ...         return {"frames": self.clips[number][start : start + num_frames]}
    """

    @abc.abstractmethod
    def read_arrays(self, number: int, start: int, num_frames: int) -> dict:
        """Reads a clip: field name -> `[num_frames, ...]` array of the field's type."""

    def read(
        self, number: tf.Tensor, start: tf.Tensor, num_frames: int
    ) -> dict[str, Any]:
        # TensorFlow never forgets a Python function, and this one must not keep the
        # source and its decoded clips; the data set that calls the source does.
        method = weakref.WeakMethod(self.read_arrays)

        names = list(self.fields)

        def arrays(number, start):
            clip = method()(int(number), int(start), num_frames)  # pyright: ignore[reportOptionalCall]
            return [clip[name] for name in names]

        dtypes = [dtype for _, dtype in self.fields.values()]
        function = guarded(arrays)
        values = tf.numpy_function(function, [number, start], dtypes, stateful=False)
        # In eager mode a single one comes without its list.
        return dict(zip(names, tf.nest.flatten(values), strict=True))


def run_lengths(numbers) -> list:
    """Integers as [value, how many in a row] pairs, short where many are equal."""
    groups = itertools.groupby(np.asarray(numbers).tolist())
    return [[value, len(list(group))] for value, group in groups]
