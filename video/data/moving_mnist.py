"""Stochastic Moving MNIST: digits that bounce off the walls, made when asked for.

Clip `i` of a split depends on `seed`, the split and `i` only: nothing is written to
disk, and the test set is the same in every run.
"""

import pathlib

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae.data.images import mnist
from tfsigmavae.data.images.transform import Transform
from tfsigmavae_video.data.clip_source import ArrayClipSource
from tfsigmavae_video.data.softmotion import SPLITS, check_split

_NUM_CLIPS = {"train": 1_000_000, "test": 5_000}


class MovingMnistSource(ArrayClipSource):
    """Clips of digits that move at constant speed, and change it at the walls.

    A digit starts anywhere, with a whole number of pixels a frame as its velocity:
    dy and dx are each uniform over -s..s, with s = `max_speed`. Before each frame, with
    `limit` the height of the frame less that of the digit:

        y < 0        y = 0,          dy = U{1..s},     dx = U{-s..s}
        y >= limit   y = limit - 1,  dy = U{-s..-1},   dx = U{-s..s}

    then the same with x for y; then the digit is drawn and moves on. Grey values of
    digits that overlap add up, at most to white.

    Args:
        path: folder with the IDX files of MNIST or Fashion-MNIST (gzipped or not), or
            Keras' `mnist.npz`.
        split: "train" or "test": whose digits, and other clips.
        frame_shape: (height, width, 1), larger than a digit.
        with_actions: must be `False`: there are no actions.
        num_digits: int >= 1, digits in a clip. Defaults to `2`.
        num_frames: int >= 1, frames of a clip. Only those asked for are drawn. Defaults
            to `100`.
        max_speed: int >= 1, pixels a frame along each axis, at most. Defaults to `4`.
        deterministic: whether a wall only turns the component that hits it. Defaults to
            `False`.
        num_clips: int >= 1. By default 1,000,000 of "train" and 5,000 of "test".
        seed: int >= 0. Defaults to `0`.
        digit_size: height and width of a digit in pixels, resized by Pillow's bilinear
            filter. Defaults to `32`.

    Raises:
        FileNotFoundError: if the digits of the split are not there.
        ValueError: on an argument out of its range, or a broken file.

    Example:
        >>> source = MovingMnistSource("data/mnist", "test", num_digits=3)
        >>> source(7, start=0, num_frames=20)["frames"].shape
        TensorShape([20, 64, 64, 1])

    Reference: Denton & Fergus, 2018, section 4.1 and the code's data/moving_mnist.py.
    """

    def __init__(
        self,
        path,
        split="train",
        frame_shape=(64, 64, 1),
        with_actions=False,
        num_digits=2,
        num_frames=100,
        max_speed=4,
        deterministic=False,
        num_clips=None,
        seed=0,
        digit_size=32,
    ):
        check_split(split)
        num_clips = _NUM_CLIPS[split] if num_clips is None else num_clips
        sizes = {
            "num_digits": num_digits,
            "num_frames": num_frames,
            "max_speed": max_speed,
            "num_clips": num_clips,
            "digit_size": digit_size,
        }
        for name, value in sizes.items():
            check_at_least(name, value, 1)
        check_at_least("seed", seed, 0)
        _check_frames(path, frame_shape, digit_size, with_actions)
        file = _find(pathlib.Path(path), split)
        self._digits = mnist.read(file, split, Transform(digit_size))[..., 0]
        self._limits = [side - digit_size for side in frame_shape[:2]]
        self._num_digits, self._max_speed = num_digits, max_speed
        self._deterministic = deterministic
        self._key = [seed, SPLITS.index(split)]
        rules = [num_digits, max_speed, bool(deterministic), digit_size, seed]
        super().__init__(
            num_frames=np.full(num_clips, num_frames),
            fields={"frames": (tuple(frame_shape), tf.uint8)},
            files=[file],
            view={"rules": rules},
            name=f"moving_mnist-{split}",
        )

    def read_arrays(self, number, start, num_frames):
        shape, _ = self.fields["frames"]
        # Sums of grey values need more than 8 bits.
        canvas = np.zeros([num_frames, *shape[:2]], np.uint16)
        for rng in self._generators(number):
            digit = self._digits[rng.integers(len(self._digits))]
            corners = self._corners(rng, start + num_frames)[start:]
            height, width = digit.shape
            for frame, (y, x) in zip(canvas, corners, strict=True):
                frame[y : y + height, x : x + width] += digit
        return {"frames": np.minimum(canvas, 255).astype(np.uint8)[..., None]}

    def _generators(self, number):
        """Random numbers of its own for each digit of a clip.

        So what is drawn does not depend on how many frames are asked for.
        """
        for place in range(self._num_digits):
            yield np.random.default_rng([*self._key, number, place])

    def _corners(self, rng, num_frames):
        """Upper left corner of a digit in each frame, as (y, x)."""
        fastest = self._max_speed
        corner = [int(rng.integers(limit)) for limit in self._limits]
        speed = rng.integers(-fastest, fastest, 2, endpoint=True).tolist()
        corners = []
        for _ in range(num_frames):
            for axis, limit in enumerate(self._limits):
                inwards = (corner[axis] < 0) - (corner[axis] >= limit)
                if inwards:
                    corner[axis] = 0 if inwards > 0 else limit - 1
                    speed = self._bounce(rng, speed, axis, inwards)
            corners.append(tuple(corner))
            corner = [corner[0] + speed[0], corner[1] + speed[1]]
        return corners

    def _bounce(self, rng, speed, axis, inwards):
        """The velocity after a wall; `inwards`, 1 or -1, is the way that it leads."""
        speed = list(speed)
        if self._deterministic:
            speed[axis] = -speed[axis]
            return speed
        fastest = self._max_speed
        speed[axis] = inwards * int(rng.integers(1, fastest, endpoint=True))
        speed[1 - axis] = int(rng.integers(-fastest, fastest, endpoint=True))
        return speed


def holds_digits(path) -> bool:
    """Whether a folder holds files of (Fashion-)MNIST, of whatever split; by names."""
    return path.is_dir() and any(mnist.find(path, split) for split in SPLITS)


def _find(path, split):
    file = mnist.find(path, split)
    if file is None:
        raise FileNotFoundError(
            f"Split {split!r} of Moving MNIST needs the digits of "
            f"{mnist.FILES[split]}, and there is no such file in '{path}'. Copy it "
            f"there, or run `tfsigmavae data download mnist --output {path}`."
        )
    return file


def _check_frames(path, frame_shape, digit_size, with_actions):
    if with_actions:
        raise ValueError(f"Moving MNIST has no actions, and '{path}' is of that kind.")
    fits = len(frame_shape) == 3 and frame_shape[2] == 1
    if not fits or min(frame_shape[:2]) <= digit_size:
        raise ValueError(
            "`frame_shape` of Moving MNIST must be (height, width, 1), larger than a "
            f"digit of {digit_size} pixels (`digit_size`), got {tuple(frame_shape)}."
        )
