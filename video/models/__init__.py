"""Video predictors."""

from tfsigmavae.models import registry
from tfsigmavae_video.models.svg_lp import SVGLP
from tfsigmavae_video.models.video_model import VideoModel

# One row a video model: the name that experiments and flags understand.
MODELS = {"svg_lp": SVGLP}


def get(identifier):
    """The class of a video model, by name or as it is; see `registry.find`."""
    return registry.find(identifier, MODELS, VideoModel)


__all__ = ["MODELS", "SVGLP", "VideoModel", "get"]
