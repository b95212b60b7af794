"""Which frames of a video make its clips: a stride or a rate, and pieces."""

import math
import numbers
from typing import Any

import numpy as np

from tfsigmavae.checks import check_at_least
from tfsigmavae_video.data.video_files import VideoError

# Containers round times to a millisecond, half of it up or down.
_ROUNDING = 0.5001e-3
# A rate of 29.97 is asked for as 30.
_RATE_SLACK = 1.05


class FrameChoice:
    """Chooses frames of a video, and cuts them into clips.

    Args:
        stride: int, every how many frames one is taken.
        fps: frames per second wanted, or `None`. At each multiple of `1 / fps` the
            frame is taken that is shown then: the last one whose time has come.
        clip_frames: frames that a clip has at most, or `None`.
        min_frames: frames that it has at least.

    Raises:
        ValueError: on an argument out of its range.
    """

    def __init__(self, stride=1, fps=None, clip_frames=None, min_frames=2):
        check_at_least("stride", stride, 1)
        check_at_least("min_frames", min_frames, 1)
        if clip_frames is not None:
            check_at_least("clip_frames", clip_frames, min_frames)
        if fps is not None:
            _check_fps(fps, stride)
        self.stride = int(stride)
        self.fps = None if fps is None else float(fps)
        self.clip_frames = None if clip_frames is None else int(clip_frames)
        self.min_frames = int(min_frames)

    def numbers(self, video, first=0, end=None):
        """Numbers of the frames taken of a video, from `first` and before `end`.

        Returns:
            range, or int32 array; with `fps` a frame that stands long comes repeatedly.

        Raises:
            VideoError: if the video has no times or too few frames a second for `fps`.
        """
        end = video.num_frames if end is None else end
        if self.fps is None:
            return range(first, end, self.stride)
        if video.times is None:
            raise VideoError(
                f"'{video.path}' has no times, so `fps` means nothing. Give `stride`."
            )
        self._check_rate(video)
        return (first + shown_at_rate(video.times[first:end], self.fps)).astype(
            np.int32
        )

    def rate(self, video) -> float:
        """Frames per second of the clips; NaN where nobody knows."""
        if self.fps is not None:
            return float(self.fps)
        if video.times is None or video.num_frames < 2:
            return math.nan
        return (video.num_frames - 1) / video.times[-1] / self.stride

    def pieces(self, numbers) -> list:
        """Cuts frames into clips; too short ones, such as what remains, are dropped."""
        size = self.clip_frames or len(numbers)
        starts = range(0, len(numbers), max(size, 1))
        pieces = [numbers[start : start + size] for start in starts]
        return [piece for piece in pieces if len(piece) >= self.min_frames]

    def _check_rate(self, video):
        if video.num_frames < 2:
            return
        # The usual gap: a screen that stands still for long is no slow video.
        rate = 1.0 / np.median(np.diff(video.times))
        if self.fps > _RATE_SLACK * rate:
            raise VideoError(
                f"'{video.path}' has {rate:.4g} frames a second, fewer than `fps` "
                f"{self.fps:g}. Give a lower one."
            )


def shown_at_rate(times, fps: float) -> np.ndarray:
    """Numbers of the frames shown at the first one's time plus k / fps, k = 0, 1, ...

    Args:
        times: float64 `[T]` increasing, seconds.
        fps: frames per second.

    Returns:
        int array; the last one is for the last k whose time is not after `times[-1]`.
    """
    times = np.asarray(times) - times[0] - _ROUNDING
    num = math.floor((times[-1] + 2 * _ROUNDING) * fps) + 1
    return np.searchsorted(times, np.arange(num) / fps, side="right") - 1


def _check_fps(fps: Any, stride):
    if not isinstance(fps, numbers.Real) or not 0.0 < float(fps) < math.inf:
        raise ValueError(f"`fps` must be a positive number or None, got {fps!r}.")
    if stride != 1:
        raise ValueError(f"Give `fps` ({fps}) or `stride` ({stride}), not both.")
