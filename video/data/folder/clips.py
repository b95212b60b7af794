"""From videos to clips: the frames chosen, shots, pieces and actions."""

import dataclasses

import numpy as np

from tfsigmavae_video.data.folder import side_cars
from tfsigmavae_video.data.folder.catalog import Video, reason_of
from tfsigmavae_video.data.folder.frame_choice import FrameChoice
from tfsigmavae_video.data.folder.shots import find_shots
from tfsigmavae_video.data.folder.threads import map_videos
from tfsigmavae_video.data.video_files import (
    Framing,
    VideoError,
    list_videos,
    open_video,
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """Frames of a video that follow one another.

    Attributes:
        name: of the video, and "@" with the first frame where that is a later one.
        video: `Video`.
        numbers: numbers of its frames, not decreasing.
    """

    name: str
    video: Video
    numbers: range | np.ndarray

    def actions(self, start, end):
        """Rows of the actions that drive frames `start` to `end - 1` of the clip."""
        numbers = self.numbers[start:end]
        return self.video.actions[numbers[0] : numbers[-1] + 1]  # pyright: ignore[reportOptionalSubscript]


class ClipCutter:
    """Opens videos and cuts them into clips.

    Args:
        choice: `FrameChoice`.
        framing: `Framing`, which must be able to take the frames.
        with_actions: whether a video must have actions.
        cut_shots: whether to cut where the scene changes.
    """

    def __init__(
        self,
        choice: FrameChoice,
        framing: Framing,
        with_actions: bool = False,
        cut_shots: bool = False,
    ):
        self._choice = choice
        self._framing = framing
        self._with_actions = with_actions
        self._cut_shots = cut_shots

    def opened(self, video: Video) -> Video:
        """The video with all that is known without decoding.

        Raises:
            VideoError: if no clip can be made of it.
        """
        with open_video(video.path, video.member) as file:
            if file.shape[-1] == 4 and self._framing.alpha is None:
                raise VideoError(
                    f"'{video.path}' has transparent parts. Give the colour to lay it "
                    "on, such as `alpha=(0, 0, 0)`."
                )
            # Which split a video is of must not depend on how many frames are wanted,
            # so only stills are left out here.
            if file.num_frames < min(2, self._choice.min_frames):
                raise VideoError(self._too_short(file.num_frames))
            numbers = self._choice.numbers(file)
            actions = None
            if self._with_actions:
                table = side_cars.find_actions(video.path)
                if len(list_videos(video.path)) > 1:
                    raise VideoError(
                        f"'{video.path}' holds several videos, and '{table.name}' does "
                        "not say whose actions it has. Give each video its own file."
                    )
                actions = side_cars.read_actions(table, file.num_frames)
            return dataclasses.replace(
                video, numbers=numbers, fps=self._choice.rate(file), actions=actions
            )

    def cut(self, videos) -> tuple:
        """Cuts opened videos.

        Returns:
            list of `Clip`, and dict of name -> reason for videos and shots left out.
        """
        least = self._choice.min_frames
        skipped = {
            video.name: self._too_short(len(video.numbers))
            for video in videos
            if len(video.numbers) < least
        }
        videos = [video for video in videos if video.name not in skipped]
        parts = [[(video, video.numbers)] for video in videos]
        if self._cut_shots:
            found = map_videos(self._shots, videos, "searched for cuts")
            parts = [shots for shots, _ in found]
            skipped |= {name: why for _, left in found for name, why in left.items()}
        clips = [
            Clip(_name(video, piece), video, piece)
            for shots in parts
            for video, numbers in shots
            for piece in self._choice.pieces(numbers)
        ]
        return clips, skipped

    def _shots(self, video):
        """(video, numbers) of its shots, and those left out with their reasons."""
        shots, skipped = [], {}
        try:
            with open_video(video.path, video.member) as file:
                for first, end in find_shots(file):
                    numbers = self._choice.numbers(file, first, end)
                    if len(numbers) >= self._choice.min_frames:
                        shots.append((video, numbers))
                    else:
                        name = f"{video.name}@{first}"
                        skipped[name] = self._too_short(len(numbers))
        except (VideoError, OSError) as error:
            return [], {video.name: reason_of(error, video.path)}
        return shots, skipped

    def _too_short(self, num_frames):
        plain = self._choice.stride == 1 and self._choice.fps is None
        taken = "" if plain else " at this rate"
        return (
            f"is too short: {num_frames} frames{taken}, and {self._choice.min_frames} "
            "are needed (`min_frames`)"
        )


def _name(video, numbers):
    return f"{video.name}@{numbers[0]}" if numbers[0] else video.name
