"""The videos of a split: which there are, which can be used, and why others cannot."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

from tfsigmavae_video.data.folder.discovery import find_videos, natural_order
from tfsigmavae_video.data.folder.splits import (
    hash_of,
    splits_by_hash,
    splits_of_folders,
)
from tfsigmavae_video.data.folder.threads import map_videos
from tfsigmavae_video.data.video_files import SUFFIXES, VideoError, list_videos

_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_OTHER = {"train": "test", "test": "train"}


@dataclasses.dataclass(frozen=True)
class Video:
    """A video of a folder, and what is known of it without decoding.

    Attributes:
        name: path relative to the folder, and the member of a file that holds several.
        path, member: see `open_video`.
        numbers: numbers of the frames chosen, see `FrameChoice`.
        fps: frames per second of those, NaN where unknown.
        actions: float32 array, a row for each frame that the video has, or `None`.
    """

    name: str
    path: pathlib.Path
    member: str | int | None
    numbers: range | np.ndarray = range(0)
    fps: float = np.nan
    actions: np.ndarray | None = dataclasses.field(default=None, repr=False)


class Catalog:
    """The usable videos of one split.

    A video is of a split by its name alone. Those of the split are opened, and of the
    other one as many as it takes to know that it is not empty.

    Args:
        root: folder, or path of one video file.
        split: "train" or "test".
        opened: function, `Video` with name and path only -> with all that is known, or
            a `VideoError`. Called from several threads.
        test_share: see `splits_by_hash`.

    Attributes:
        videos: list of `Video` in natural order.
        is_held_out: whether the other split has other videos: one video alone is both.
        skipped: dict, name -> reason, of the split's videos that cannot be used; that
            of the training split also names what is no video, and second names of one
            file.

    Raises:
        ValueError: if there is no video that can be used.
    """

    def __init__(self, root, split: str, opened: Callable, test_share: float):
        self._root, self._opened = pathlib.Path(root), opened
        self._reasons, self._known = {}, {}
        found, others = find_videos(root)
        if not found:
            raise ValueError(_nothing_found(self._root, others))
        places = splits_of_folders(
            {path: _folders(name, path) for name, path in found.items()}, root
        )
        others |= (repeated := _repeated(found, places))
        found = [item for item in found.items() if item[0] not in repeated]
        self._candidates = sum(map_videos(self._list, found, "found"), [])
        self._split_of = {
            video.name: places[video.path] if places else _by_hash(video, test_share)
            for video in self._candidates
        }
        self.is_held_out = True
        self.videos = self._usable(split)
        if not places and not (self.videos and self._has_usable(_OTHER[split])):
            self.videos = self._divide(split, test_share)
        if not self.videos:
            raise ValueError(self._nothing_usable(split))
        self.skipped = self._skipped(split, others)

    def _list(self, named):
        name, path = named
        try:
            members = [member for _, member in list_videos(path)]
        except (VideoError, OSError) as error:
            self._reasons[name] = reason_of(error, path)
            members = [None]
        return [
            Video(name if member is None else f"{name}:{member}", path, member)
            for member in members
        ]

    def _usable(self, split):
        videos = [v for v in self._candidates if self._split_of[v.name] == split]
        return [v for v in map_videos(self._try, videos, "opened") if v is not None]

    def _has_usable(self, split):
        videos = [v for v in self._candidates if self._split_of[v.name] == split]
        return any(self._try(video) is not None for video in videos)

    def _try(self, video):
        """The video opened, or `None`; the reason is kept."""
        if video.name not in self._reasons and video.name not in self._known:
            try:
                self._known[video.name] = self._opened(video)
            except (VideoError, OSError) as error:
                self._reasons[video.name] = reason_of(error, video.path)
        return self._known.get(video.name)

    def _divide(self, split, test_share):
        """The videos of a split where by hash alone one would be empty."""
        videos = self._usable("train") + self._usable("test")
        if len(videos) < 2:
            self.is_held_out = False
            return videos
        split_of = splits_by_hash([video.name for video in videos], test_share)
        videos = [video for video in videos if split_of[video.name] == split]
        return sorted(videos, key=lambda video: natural_order(video.name))

    def _skipped(self, split, others):
        skipped = {
            name: reason
            for name, reason in self._reasons.items()
            if self._split_of[name] == split or not self.is_held_out
        }
        if split == "train":
            outside = [name for name, where in self._split_of.items() if where is None]
            skipped |= dict.fromkeys(outside, "lies in no folder of a split") | others
        return skipped

    def _nothing_usable(self, split):
        text = f"'{self._root}' has no videos of the split {split!r}"
        names = sorted(self._reasons, key=natural_order)
        of_split = [name for name in names if self._split_of.get(name) == split]
        if not names:
            return f"{text}."
        reasons = {name: self._reasons[name] for name in of_split or names}
        return f"{text} that can be used: {'; '.join(listed(reasons))}"


def listed(reasons: dict, most: int = 5) -> list:
    """The first names with their reasons, and how many there are more."""
    lines = [f"{name}: {reason}" for name, reason in list(reasons.items())[:most]]
    if len(reasons) > most:
        lines.append(f"and {len(reasons) - most:,} more")
    return lines


def reason_of(error, path) -> str:
    """What an error says of a file, without its name."""
    if isinstance(error, OSError):
        return f"cannot be opened: {error.strerror or error}"
    return re.sub(rf"^'{re.escape(str(path))}(:[^']*)?' ?", "", str(error))


def _by_hash(video, test_share):
    return "test" if hash_of(video.name) < test_share else "train"


def _folders(name, path):
    parts = name.split("/")
    return parts if path.is_dir() else parts[:-1]


def _repeated(found, places):
    """Name -> reason, of the files that have another name too, by a link.

    A video trained on would be tested on. The first name counts, before all those in
    folders of splits: these are often links to files beside them.
    """
    names = sorted(found, key=lambda name: places.get(found[name], "") is None)
    first, repeated = {}, {}
    for name in names:
        other = first.setdefault(os.path.realpath(found[name]), name)
        if other != name:
            repeated[name] = f"is the same file as '{other}'"
    return repeated


def _nothing_found(root, others):
    if not root.exists():
        return f"There is no file or folder '{root}'."
    kinds = f"Videos are files that end in {', '.join(SUFFIXES)}, or folders that hold"
    text = f"'{root}' holds no videos"
    if list(others) == [root.absolute().name]:
        return f"'{root}' {others[root.absolute().name]}, no folder of videos."
    if others:
        text += f", but {len(others):,} other files such as '{next(iter(others))}'"
    text += f". {kinds} numbered pictures and nothing else."
    if any(name.lower().endswith(_PICTURES) for name in others):
        text += " Pictures are loaded by `tfsigmavae.data.images.load`."
    if any(".tfrecord" in name for name in others):
        text += " Records must lie in folders train/ and test/."
    return text
