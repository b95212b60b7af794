"""The embedded data set: a simulated robot arm that pushes objects about."""

from tfsigmavae_video.data.pushing.dataset import episodes, write
from tfsigmavae_video.data.pushing.directions import DIRECTIONS, steer

__all__ = ["DIRECTIONS", "episodes", "steer", "write"]


def __dir__():
    return list(__all__)
