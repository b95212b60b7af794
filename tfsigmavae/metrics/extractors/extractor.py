"""The contract of networks that turn images or clips into features."""

import abc
import hashlib
import pathlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least, check_choice
from tfsigmavae.inputs import check_regular
from tfsigmavae.math import to_tensor, to_unit_range
from tfsigmavae.typing import Array

_SHAPES = {"image": "[N, H, W, C]", "clip": "[N, T, H, W, C]"}


class Extractor(abc.ABC):
    """Turns images or clips into features: the base of all extractors.

    A subclass writes `extract`, and gives what `record` holds of its files. Calling it
    checks the pixels, repeats grey ones for red, green and blue, and goes through
    batches, so that memory does not grow with their number.

    The names of distances follow from the network: two distances with features of
    different networks are different quantities.

    Args:
        name: str, printed with every distance.
        per: `"image"` or `"clip"`, what makes one row of features. Defaults to
            `"image"`.
        num_features: int, columns of features. Defaults to `None`, known after the
            first call.
        batch_size: int, images or clips in memory at once. Defaults to `32`.
        sha256: str, of the network's files. Defaults to `None`, no files.
        input_size: `(height, width)` that frames are resized to. Defaults to `None`, as
            they are.
        input_range: `(lowest, highest)` value that the network is given for black and
            white. Defaults to `(0.0, 1.0)`.
        resize: str, how frames are resized. Defaults to `None`, not at all.

    Call arguments:
        pixels: `[N, H, W, C]`, or `[N, T, H, W, C]` where `per` is `"clip"`; C 1 or 3;
            float in [0, 1] or uint8 meaning value / 255. N >= 1.

    Returns:
        float32 array `[N, num_features]`.

    Raises:
        TypeError: if the dtype is neither uint8 nor floating.
        ValueError: if the pixels have another shape, or the network gives features of
            another shape.
        tf.errors.InvalidArgumentError: if floats lie outside [0, 1].
    """

    def __init__(
        self,
        name: str,
        per: Literal["image", "clip"] = "image",
        num_features: int | None = None,
        batch_size: int = 32,
        sha256: str | None = None,
        input_size: Sequence[int] | None = None,
        input_range: Sequence[float] = (0.0, 1.0),
        resize: str | None = None,
    ):
        check_choice("per", per, _SHAPES)
        check_at_least("batch_size", batch_size, 1)
        self.name = name
        self.per = per
        self.num_features = num_features
        self.batch_size = batch_size
        self._record = {
            "sha256": sha256,
            "input_size": None if input_size is None else list(input_size),
            "range": [float(value) for value in input_range],
            "resize": resize,
        }

    @abc.abstractmethod
    def extract(self, pixels: tf.Tensor) -> np.ndarray:
        """Features of one batch, float32 RGB in [0, 1]: `[n, num_features]`."""

    @property
    def distance_name(self) -> str:
        """What a Frechet distance of these features is called."""
        return f"frechet[{self.name}]"

    @property
    def kernel_name(self) -> str:
        """What a kernel distance of these features is called."""
        return f"kernel[{self.name}]"

    def record(self) -> dict:
        """JSON values that tell this network from another."""
        own = {"name": self.name, "per": self.per, "num_features": self.num_features}
        return own | self._record

    def __call__(self, pixels: Array) -> np.ndarray:
        pixels = to_tensor(pixels)
        self._check_shape(pixels.shape)
        features = [
            self._features(pixels[start : start + self.batch_size])
            for start in range(0, len(pixels), self.batch_size)
        ]
        return np.concatenate(features)

    def _check_shape(self, shape):
        wanted = _SHAPES[self.per]
        if shape.rank != wanted.count(",") + 1 or not shape[0]:
            raise ValueError(
                f"`pixels` must be {wanted} with N >= 1 for '{self.name}', got shape "
                f"{tuple(shape)}. `pixels[None]` makes a batch of one {self.per}, and "
                "`pixels.reshape(-1, H, W, C)` images of clips."
            )
        if shape[-1] not in (1, 3):
            raise ValueError(
                f"`pixels` must be grey or RGB, C 1 or 3, got shape {tuple(shape)}."
            )

    def _features(self, pixels):
        features = np.asarray(self.extract(self._rgb(to_unit_range(pixels))))
        wanted = self.num_features or (features.shape[-1] if features.ndim else None)
        if features.shape != (len(pixels), wanted):
            raise ValueError(
                f"'{self.name}' must give features [{len(pixels)}, "
                f"{self.num_features or 'F'}] of "
                f"{len(pixels)} {self.per}s, got shape {features.shape}. Features with "
                "rows and columns are to be averaged over them first."
            )
        if not np.isfinite(features).all():
            raise ValueError(
                f"'{self.name}' gave features that are not finite numbers, which have "
                "no distance."
            )
        self.num_features = wanted
        return features.astype(np.float32)

    def _rgb(self, pixels):
        return tf.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels


def resized(frames, size, antialias):
    """Frames `[..., H, W, C]` as `[..., *size, C]`, bilinearly between pixel centres.

    Args:
        frames: float tensor.
        size: `(height, width)`.
        antialias: bool, whether shrinking takes all pixels into account.
    """
    axes, frame = frames.shape[:-3], frames.shape[-3:]
    if tuple(frame[:2]) == tuple(size):
        return frames
    frames = tf.reshape(frames, [-1, *frame])
    frames = tf.image.resize(frames, size, "bilinear", antialias=antialias)
    return tf.reshape(frames, [*axes, *size, frame[-1]])


def existing(path, what, advice):
    """The path, or a `FileNotFoundError` that says how to get the file.

    Args:
        path: of a file or folder.
        what: whose it is, for the message.
        advice: a sentence.
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{what}: there is no '{path}'. {advice}")
    if not path.is_dir():
        check_regular(path)
    return path


def digest(path) -> str:
    """SHA-256 of a file, as `sha256sum` prints it, or of all files of a folder.

    That of a folder is the digest of the lines `sha256sum` prints for its files, sorted
    by their paths inside the folder.
    """
    path = pathlib.Path(path)
    if path.is_file():
        return _digest_of_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [
        f"{_digest_of_file(file)}  {file.relative_to(path).as_posix()}\n"
        for file in files
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest_of_file(path):
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(2**20):
            found.update(part)
    return found.hexdigest()
