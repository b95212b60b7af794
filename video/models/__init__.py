"""Video predictors."""

from tfsigmavae.models import registry
from tfsigmavae_video.models.svg_lp import SVGLP
from tfsigmavae_video.models.video_model import VideoModel
from tfsigmavae_video.models.warp_vrnn import WarpVRNN

# One row a video model: the name that experiments and flags understand.
MODELS = {"svg_lp": SVGLP, "warp_vrnn": WarpVRNN}


def get(identifier: str | type) -> type:
    """Finds the class of a video model.

    Args:
        identifier: a name in `MODELS`, the name under which a class is registered with
            Keras ("package>Name"), or a class derived from `VideoModel`.

    Raises:
        ValueError: if there is none of that name.
        TypeError: for a class of another kind.
    """
    return registry.find(identifier, MODELS, VideoModel)


__all__ = ["MODELS", "SVGLP", "VideoModel", "WarpVRNN", "get"]


def __dir__():
    return list(__all__)
