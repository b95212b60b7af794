"""One video, read by the numbers of its frames, whatever its format."""

import abc
import operator
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.video_files.framing import Framing
from tfsigmavae_video.data.video_files.video_error import VideoError


class VideoFile(abc.ABC):
    """A video that can be read.

    A subclass hands its facts to this constructor, and writes `_frames` and `close`.
    Opening finds the frames and decodes at most a few. One thread at a time may read.

    Args:
        path: `pathlib.Path` of the file or folder.
        member: name or number of the video in a file that holds several, else `None`.
        num_frames: how many frames there are, at least 1.
        times: float64 `[num_frames]`, when each frame is shown, in seconds after the
            first one, increasing; `None` where the format knows no time.
        shape: (height, width, channels) as displayed: turned upright, pixels square.
            Channels are 1 (grey), 3 (RGB) or 4 (RGB and alpha).

    Example:
        >>> with open_video("clip.mp4") as video:
        ...     frames = video.read(range(12), Framing((64, 64, 3)))
        >>> frames.shape
        (12, 64, 64, 3)
    """

    def __init__(
        self,
        path: PathLike,
        member: str | int | None,
        num_frames: int,
        times: Any,
        shape: Any,
    ):
        self.path = path
        self.member = member
        self.num_frames = num_frames
        self.times = times
        self.shape = shape

    @property
    def name(self) -> str:
        """The path, and the member after a colon."""
        return str(self.path) if self.member is None else f"{self.path}:{self.member}"

    def read(
        self, numbers: Iterable[int], framing: Framing | None = None
    ) -> np.ndarray:
        """Reads some frames.

        Args:
            numbers: increasing ints, from 0 to `num_frames - 1`.
            framing: `Framing`, applied to each frame as it is decoded, so that no more
                than one is in memory at its full size. By default the frames are given
                as displayed.

        Returns:
            uint8 `[len(numbers), H, W, C]`.

        Raises:
            IndexError: if there are no such frames.
            ValueError: if `numbers` do not increase.
            VideoError: if a frame cannot be decoded, differs from the others in size,
                or has an alpha channel that `framing` does not take.
        """
        numbers = [operator.index(number) for number in numbers]
        self._check_numbers(numbers)
        shape = self.shape if framing is None else framing.frame_shape
        frames = np.empty([len(numbers), *shape], np.uint8)
        decoded = zip(numbers, self._frames(numbers), strict=True)
        for place, (number, frame) in enumerate(decoded):
            if frame.shape != self.shape:
                raise VideoError(
                    f"'{self.name}' changes in frame {number} from {self.shape} to "
                    f"{frame.shape} (height, width, channels). Convert it to one size."
                )
            try:
                frames[place] = frame if framing is None else framing(frame)
            except VideoError as error:
                raise VideoError(f"'{self.name}' {error}") from error
        return frames

    @abc.abstractmethod
    def close(self) -> None:
        """Lets go of file and memory. Another `read` opens the file again."""

    @abc.abstractmethod
    def _frames(self, numbers) -> Iterator[np.ndarray]:
        """Yields the frames of increasing `numbers`, uint8 `[H, W, C]`, one by one."""

    def _check_numbers(self, numbers):
        for number in numbers:
            if not 0 <= number < self.num_frames:
                raise IndexError(
                    f"'{self.name}' has the frames 0 to {self.num_frames - 1}, got "
                    f"{number}."
                )
        if any(a >= b for a, b in zip(numbers, numbers[1:], strict=False)):
            raise ValueError(f"`numbers` must increase, got {numbers}.")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
