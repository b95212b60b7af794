"""Stochastic video prediction: `from tfsigmavae.video import SVGLP`.

A facade: the code lives in `tfsigmavae_video`, which builds on this package.
"""

from tfsigmavae_video import *  # noqa: F403
from tfsigmavae_video import __all__  # noqa: F401


def __dir__():
    return list(__all__)
