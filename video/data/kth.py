"""KTH actions: people who walk, run, box, wave, from the avi files as published."""

import pathlib
import re
import sys

import numpy as np
import tensorflow as tf

from tfsigmavae.checks import check_at_least
from tfsigmavae_video.data.clip_source import ArrayClipSource
from tfsigmavae_video.data.folder.open_videos import OpenVideos
from tfsigmavae_video.data.folder.threads import map_videos
from tfsigmavae_video.data.kth_sequences import read_sequences
from tfsigmavae_video.data.softmotion import check_split
from tfsigmavae_video.data.video_files import Framing, VideoError, open_video

SEQUENCES = "00sequences.txt"
_VIDEO = re.compile(r"(person(\d\d)_[a-z]+_d\d)_uncomp\.avi")
_PERSONS = {"train": range(1, 21), "test": range(21, 26)}


class KTHSource(ArrayClipSource):
    """Clips of KTH: the frames of each file that show the person.

    The sequence file tells which these are, two to eight ranges a file; a range is a
    clip. Frames are stretched to `frame_shape` by the mean over the area of each pixel
    (the official code stretches, too), and the first channel is taken.

    Args:
        path: folder with the files `person01_boxing_d1_uncomp.avi` ..., in it or in
            folders below (one for each action, say), and `00sequences.txt`.
        split: "train" (persons 1 to 20) or "test" (persons 21 to 25).
        frame_shape: (height, width, 1).
        with_actions: must be `False`: the clips are of actions, but name no commands.
        min_frames: int >= 1, frames that a clip needs; shorter ones are left out.
            Defaults to `2`.

    Call arguments:
        number, start, num_frames: see `ClipSource`.

    Returns:
        dict of "frames" `[num_frames, height, width, 1]` uint8.

    Attributes:
        clip_names: list of str, one for each clip, such as "person01_boxing_d1@96": the
            file and its first frame, counted from 1 as the sequence file does.
        skipped: dict, name -> reason, of what is left out.

    Raises:
        FileNotFoundError: if the sequence file is missing.
        ImportError: if PyAV is not installed.
        ValueError: on an argument out of its range, a line of the sequence file that is
            not understood, or if there is no clip.

    Reference: Schuldt, Laptev & Caputo, 2004; split of Denton & Fergus, 2018.
    """

    def __init__(
        self,
        path,
        split="train",
        frame_shape=(64, 64, 1),
        with_actions=False,
        min_frames=2,
    ):
        check_split(split)
        check_at_least("min_frames", min_frames, 1)
        _check_arguments(path, frame_shape, with_actions)
        path = pathlib.Path(path)
        sequence_file = _find_sequence_file(path)
        files = {name: file for name, file in find_videos(path) if _is_of(name, split)}
        self.skipped = {}
        self._clips = self._find_clips(files, read_sequences(sequence_file), min_frames)
        self._tell(path, split)
        if not self._clips:
            raise ValueError(
                f"'{path}' has no clips of split {split!r}, persons "
                f"{_PERSONS[split][0]} to {_PERSONS[split][-1]}, with at least "
                f"{min_frames} frames: {len(files)} files were found."
            )
        used = dict.fromkeys(file for file, _, _ in self._clips)
        # Colours first: grey from red, green and blue would be another channel.
        self._framing = Framing((*frame_shape[:2], 3), fit="stretch")
        self._videos = OpenVideos()
        super().__init__(
            num_frames=[end - first for _, first, end in self._clips],
            fields={"frames": (tuple(frame_shape), tf.uint8)},
            files=[*used, sequence_file],
            view={},
            name=f"kth-{split}",
        )
        self.clip_names = [
            f"{_VIDEO.fullmatch(file.name)[1]}@{first + 1}"  # pyright: ignore[reportOptionalSubscript]
            for file, first, _ in self._clips
        ]

    def read_arrays(self, number, start, num_frames):
        file, first, _ = self._clips[number]
        numbers = range(first + start, first + start + num_frames)
        with self._videos.lend(file) as video:
            frames = video.read(numbers, self._framing)
        return {"frames": np.ascontiguousarray(frames[..., :1])}

    def _find_clips(self, files, sequences, min_frames):
        """(file, first frame, end) of each clip; tells `skipped` of all others."""
        lengths = map_videos(_num_frames, list(files.values()), "opened")
        clips = []
        for (name, file), stored in zip(files.items(), lengths, strict=True):
            if isinstance(stored, VideoError):
                self.skipped[name] = str(stored)
                continue
            if name not in sequences:
                self.skipped[name] = f"{SEQUENCES} tells no frames of it"
            for first, end in sequences.get(name, []):
                if end > stored:  # person01_boxing_d4 is cut within its last range
                    # And so may be the last frame stored.
                    whole = max(stored - 1, first)
                    reason = f"the file ends at frame {stored}, so {whole - first} left"
                    self.skipped[f"{name}@{first + 1}-{end}"] = reason
                    end = whole
                if end - first >= min_frames:
                    clips.append((file, first, end))
                else:
                    self.skipped[f"{name}@{first + 1}"] = (
                        f"{end - first} frames, fewer than {min_frames}"
                    )
        return clips

    def _tell(self, path, split):
        if self.skipped:
            shown = [f"{name}: {why}" for name, why in list(self.skipped.items())[:3]]
            print(
                f"Left out of split {split!r} of '{path}', or cut: "
                f"{len(self.skipped):,} (see `skipped`), such as {'; '.join(shown)}",
                file=sys.stderr,
            )


def find_videos(path) -> list:
    """(name, file) of the videos of KTH in a folder and those below, sorted by name."""
    if not path.is_dir():
        return []
    found = [*path.glob("person*.avi"), *path.glob("*/person*.avi")]
    named = [(_VIDEO.fullmatch(file.name), file) for file in found]
    return sorted((match[1], file) for match, file in named if match)


def holds_kth(path) -> bool:
    """Whether a folder holds videos of KTH, by their names."""
    return bool(find_videos(path))


def _is_of(name, split):
    return int(name[6:8]) in _PERSONS[split]


def _num_frames(file):
    try:
        with open_video(file) as video:
            return video.num_frames
    except VideoError as error:
        return error


def _find_sequence_file(path):
    found = [path / SEQUENCES, *sorted(path.glob(f"*/{SEQUENCES}"))]
    found = [file for file in found if file.is_file()]
    if not found:
        raise FileNotFoundError(
            f"'{path}' has videos of KTH, but no '{SEQUENCES}', which tells the frames "
            "that show a person. Copy it there; `tfsigmavae data download kth "
            f"--output {path}` gets it."
        )
    return found[0]


def _check_arguments(path, frame_shape, with_actions):
    if with_actions:
        raise ValueError(f"KTH's clips come without `actions`, and '{path}' is KTH.")
    if len(frame_shape) != 3 or frame_shape[2] != 1:
        raise ValueError(
            f"`frame_shape` of KTH must be (height, width, 1), got {tuple(frame_shape)}"
            ": its clips are grey (in scripts, `--channels 1` or `--preset kth`)."
        )
