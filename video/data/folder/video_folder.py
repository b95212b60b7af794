"""A folder of videos as a source of clips."""

import inspect
import os
import pathlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_choice
from tfsigmavae.typing import PathLike
from tfsigmavae_video.data.clip_source import ArrayClipSource
from tfsigmavae_video.data.folder import side_cars
from tfsigmavae_video.data.folder.catalog import Catalog, listed, reason_of
from tfsigmavae_video.data.folder.clips import ClipCutter
from tfsigmavae_video.data.folder.discovery import natural_order
from tfsigmavae_video.data.folder.frame_choice import FrameChoice
from tfsigmavae_video.data.folder.open_videos import OpenVideos
from tfsigmavae_video.data.softmotion import Split, check_split
from tfsigmavae_video.data.video_files import Framing, VideoError, is_video
from tfsigmavae_video.data.video_files.framing import Fit


class VideoFolder(ArrayClipSource):
    """Clips of a folder of videos, or of one video file.

    A clip is a video, or a part of one. What cannot be used is left out and told of on
    stderr: files that are unreadable, too short, or no videos.

    Splits are of videos, never of parts of one. Where videos lie in folders `train/`
    and `test/` (or `val/` ...), at any depth, these are the splits. Otherwise the hash
    of a video's name decides, so that a video stays in its split when others come; see
    `splits_by_hash` for what happens to very few. A file that has two names, by a link,
    counts once. One video alone is both splits, and `is_held_out` says so.

    A window is decoded from the last keyframe before it, anew each time. Where that
    keeps training waiting, give `batches` a `cache`: each video is then decoded once.

    Args:
        path: folder, searched with all folders below, or one video file. A folder of
            numbered pictures is a video, and so is each array of a .npz.
        split: "train" or "test".
        frame_shape: (height, width, channels) wanted, channels 1 or 3.
        with_actions: whether to read actions: from a table `x.csv` or `x.npy` beside
            `x.mp4` (or `x.actions.csv`, `x.actions.npy`) whose row `t` drives frame `t`
            to frame `t + 1`.
        fit: "crop", "letterbox" or "stretch", see `Framing`.
        alpha: colour to lay transparent frames on; by default they are refused.
        stride: int, every how many frames one is taken.
        fps: frames per second, instead: at each of its times the frame that is shown.
        clip_frames: frames of a clip at most; longer videos give several.
        cut_shots: whether to cut videos where the scene changes at once, see
            `find_cuts`. All of them are decoded for it at the start.
        test_share: share of the videos that is held out, about, where no folders tell.
        min_frames: frames that a clip needs, after `stride` or `fps`.
        on_bad: what happens where a clip turns out to be unreadable: "replace" warns
            and gives the same frames of the next clip in its place, so that a batch
            depends on the step only; "raise" raises.

    Call arguments:
        number, start, num_frames: see `ClipSource`.

    Returns:
        dict of "frames" `[num_frames, H, W, C]` uint8 and, where asked for, "actions"
        `[num_frames, A]` float32.

    Attributes:
        clip_names: list of str, one for each clip: "a/b.mp4", "clips.npz:bikes", and
            "a.mp4@120" where a clip begins later in its video, at that frame.
        fps: float array `[N]`, frames per second of each clip, NaN where unknown.
        is_held_out: whether the other split has other videos.
        skipped: dict, name -> reason, of what is left out.
        replaced: set of names of clips, those that could not be read when they were
            last asked for.

    Raises:
        ImportError: if PyAV is needed and not installed.
        ValueError: on an argument out of its range, if there is no video that can be
            used, or if actions differ in size.

    Example:
        >>> clips = VideoFolder("my_videos", fps=10, min_frames=12)
        >>> clips.fields
        {'frames': ((64, 64, 3), tf.uint8)}
    """

    def __init__(
        self,
        path: PathLike,
        split: Split = "train",
        frame_shape: Sequence[int] = (64, 64, 3),
        with_actions: bool = False,
        fit: Fit = "crop",
        alpha: Sequence[int] | None = None,
        stride: int = 1,
        fps: float | None = None,
        clip_frames: int | None = None,
        cut_shots: bool = False,
        test_share: float = 0.1,
        min_frames: int = 2,
        on_bad: Literal["replace", "raise"] = "replace",
    ):
        check_split(split)
        check_choice("on_bad", on_bad, ("replace", "raise"))
        _check_options(test_share, with_actions, stride, fps)
        self.root, self.on_bad = pathlib.Path(path), on_bad
        self._framing = Framing(frame_shape, fit, alpha)
        choice = FrameChoice(stride, fps, clip_frames, min_frames)
        cutter = ClipCutter(choice, self._framing, with_actions, cut_shots)
        catalog = Catalog(path, split, cutter.opened, test_share)
        self._clips, left_out = cutter.cut(catalog.videos)
        skipped = catalog.skipped | left_out
        self.skipped = {
            name: skipped[name] for name in sorted(skipped, key=natural_order)
        }
        if not self._clips:
            raise ValueError(
                f"'{path}' has no clips of the split {split!r}: "
                + "; ".join(listed(left_out))
                + ". Ask for fewer frames, take more of them (a smaller `stride`), or "
                "give longer videos."
            )
        self.is_held_out = catalog.is_held_out
        fields = {"frames": (tuple(frame_shape), tf.uint8)}
        if with_actions:
            fields["actions"] = (_action_shape(catalog.videos), tf.float32)
        super().__init__(
            num_frames=[len(clip.numbers) for clip in self._clips],
            fields=fields,
            files=_files(self._clips, with_actions),
            view=_view(self._framing, choice, cut_shots),
            name=f"{self.root.absolute().name}-{split}",
        )
        self.replaced = set()
        self.clip_names = [clip.name for clip in self._clips]
        self.fps = np.array([clip.video.fps for clip in self._clips])
        self._videos = OpenVideos()
        self._tell(split)

    def read_arrays(self, number: int, start: int, num_frames: int) -> dict[str, Any]:
        problem = None
        # A clip that cannot be read is tried anew each time: were it remembered, a
        # batch would depend on those before it.
        for other, first in self._windows_instead(number, start, num_frames):
            try:
                clip = self._read_clip(other, first, num_frames)
            except (VideoError, OSError) as error:
                if self.on_bad == "raise":
                    raise
                self._warn(self._clips[other].video, error)
                problem = error
                continue
            change = self.replaced.discard if other == number else self.replaced.add
            change(self.clip_names[number])
            return clip
        raise VideoError(
            f"No clip of '{self.root}' in place of '{self.clip_names[number]}' can be "
            f"read that has {num_frames} frames. The last one tried: {problem}"
        )

    def _windows_instead(self, number, start, num_frames):
        """Clip and first frame: those asked for, then those of the clips after it."""
        yield number, start
        for other in (*range(number + 1, len(self)), *range(number)):
            last_start = self.num_frames[other] - num_frames
            if last_start >= 0:
                yield other, min(start, last_start)

    def fingerprint(self) -> dict[str, Any]:
        files = [_facts(file, self.root) for file in self.files]
        return super().fingerprint() | {"files": files}

    def _read_clip(self, number, start, num_frames):
        clip, end = self._clips[number], start + num_frames
        # A frame that is shown for long comes repeatedly, and is read once.
        numbers, places = np.unique(clip.numbers[start:end], return_inverse=True)
        with self._videos.lend(clip.video.path, clip.video.member) as video:
            if numbers[-1] >= video.num_frames:
                raise VideoError(f"'{video.path}' was cut while in use.")
            arrays = {"frames": video.read(numbers, self._framing)[places]}
        if "actions" in self.fields:
            arrays["actions"] = clip.actions(start, end)
        return arrays

    def _warn(self, video, error):
        reason = reason_of(error, video.path)
        if self.skipped.setdefault(video.name, reason) is reason:
            warnings.warn(
                f"'{video.path}' cannot be read everywhere, and other clips take the "
                f"place of it there: {reason}",
                stacklevel=2,
            )

    def _tell(self, split):
        if self.skipped:
            lines = "\n  ".join(listed(self.skipped))
            print(
                f"Left out of split {split!r} of '{self.root}': {len(self.skipped):,} "
                f"(see `skipped`)\n  {lines}",
                file=sys.stderr,
            )
        if not self.is_held_out and split == "train":
            what = "one video"
            if is_video(self.root) and self.root.is_dir():
                what += ", its numbered pictures are the frames"
            print(
                f"'{self.root}' is {what}: it is trained on and tested on, so scores "
                "are not of held-out clips.",
                file=sys.stderr,
            )


def _check_options(test_share, with_actions, stride, fps):
    if not 0.0 < test_share < 1.0:
        raise ValueError(f"`test_share` must lie between 0 and 1, got {test_share!r}.")
    if with_actions and (stride != 1 or fps is not None):
        raise ValueError(
            "`with_actions` needs all frames: what the actions of several frames are "
            "together depends on what they mean. Go without `stride` and `fps`, or "
            "thin out videos and tables beforehand."
        )


def _action_shape(videos):
    sizes = {video.name: video.actions.shape[1:] for video in videos}
    first, shape = next(iter(sizes.items()))
    for name, other in sizes.items():
        if other != shape:
            raise ValueError(
                f"Actions must be of one size, but '{first}' has {shape[0]} numbers a "
                f"row and '{name}' has {other[0]}."
            )
    return shape


def _files(clips, with_actions):
    files = list(dict.fromkeys(clip.video.path for clip in clips))
    return files + [side_cars.find_actions(file) for file in files if with_actions]


def _view(framing, choice, cut_shots):
    """What was asked for besides the defaults."""
    view = {
        "fit": framing.fit,
        "alpha": framing.alpha and list(map(int, framing.alpha)),
        "stride": choice.stride,
        "fps": choice.fps,
        "clip_frames": choice.clip_frames,
        "cut_shots": cut_shots,
    }
    defaults = inspect.signature(VideoFolder).parameters
    return {
        name: value for name, value in view.items() if value != defaults[name].default
    }


def _facts(file, root):
    """Name, size and time of change; of a folder, those of all its files together."""
    name = os.path.relpath(file, root) if root.is_dir() else file.name
    parts = sorted(file.iterdir()) if file.is_dir() else [file]
    stats = [part.stat() for part in parts]
    changed = max(stat.st_mtime_ns for stat in stats)
    return [name, len(parts), sum(stat.st_size for stat in stats), changed]
