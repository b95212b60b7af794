"""Clips of any source, converted once into records.

from tfsigmavae_video.data.conversion import convert_clips

convert_clips("my_videos/", "data/mine", num_frames=30)
"""

from tfsigmavae_video.data.conversion.convert import convert_clips

__all__ = ["convert_clips"]
