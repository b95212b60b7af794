"""Video predictors."""

from tfsigmavae_video.models.svg_lp import SVGLP

__all__ = ["SVGLP"]
