"""A folder of videos as a source of clips.

from tfsigmavae_video.data.folder import VideoFolder

clips = VideoFolder("my_videos", "train", frame_shape=(64, 64, 3), min_frames=12)
"""

from tfsigmavae_video.data.folder.discovery import holds_videos
from tfsigmavae_video.data.folder.video_folder import VideoFolder

__all__ = ["VideoFolder", "holds_videos"]
