"""Clips: where they come from, and how they become batches.

from tfsigmavae_video import data

train = data.load_clips("pushing", "train")
dataset = data.batches(train, num_frames=12, batch_size=16, shuffle=True, repeat=True)
"""

from tfsigmavae_video.data.batching import batches, first_clips
from tfsigmavae_video.data.clip_source import ArrayClipSource, ClipSource
from tfsigmavae_video.data.conversion import convert_clips
from tfsigmavae_video.data.folder import VideoFolder
from tfsigmavae_video.data.loading import load as load_clips

__all__ = [
    "ArrayClipSource",
    "ClipSource",
    "VideoFolder",
    "batches",
    "convert_clips",
    "first_clips",
    "load_clips",
]


def __dir__():
    return list(__all__)
