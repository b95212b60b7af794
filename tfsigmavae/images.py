"""The earlier name of `tfsigmavae.pictures`."""

from tfsigmavae.pictures import *  # noqa: F403
from tfsigmavae.pictures import __all__  # noqa: F401


def __dir__():
    return list(__all__)
