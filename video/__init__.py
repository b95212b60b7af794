"""Stochastic video prediction; imported as `tfsigmavae_video`."""

from tfsigmavae_video.svg_lp import SVGLP

__all__ = ["SVGLP"]
