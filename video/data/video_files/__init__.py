"""Video files: one video, read by frame numbers, whatever its format.

from tfsigmavae_video.data.video_files import Framing, open_video

with open_video("clip.mp4") as video:
    frames = video.read(range(12), Framing((64, 64, 3)))
"""

from tfsigmavae_video.data.video_files.framing import Framing
from tfsigmavae_video.data.video_files.opening import (
    SUFFIXES,
    is_video,
    list_videos,
    open_video,
)
from tfsigmavae_video.data.video_files.video_error import VideoError
from tfsigmavae_video.data.video_files.video_file import VideoFile

__all__ = [
    "Framing",
    "SUFFIXES",
    "VideoError",
    "VideoFile",
    "is_video",
    "list_videos",
    "open_video",
]
