"""The embedded data set: a simulated robot arm that pushes objects about."""

from tfsigmavae_video.data.pushing.dataset import episodes, write

__all__ = ["episodes", "write"]
