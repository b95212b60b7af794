"""Convolutional encoders and generators of SVG-LP."""

from typing import Literal, TypeAlias

from tfsigmavae.checks import check_choice
from tfsigmavae_video.networks.dcgan import DCGANEncoder, DCGANGenerator
from tfsigmavae_video.networks.frame_networks import FrameEncoder, FrameGenerator
from tfsigmavae_video.networks.vgg import VGGEncoder, VGGGenerator

Network: TypeAlias = Literal["dcgan", "vgg"]
# One row a network: its name in arguments and flags -> (encoder, generator).
NETWORKS = {
    "dcgan": (DCGANEncoder, DCGANGenerator),
    "vgg": (VGGEncoder, VGGGenerator),
}


def get(name: str) -> tuple[type, type]:
    """Returns the (encoder, generator) classes called `name`.

    Raises:
        ValueError: for an unknown name.
    """
    check_choice("network", name, NETWORKS)
    return NETWORKS[name]


__all__ = [
    "DCGANEncoder",
    "DCGANGenerator",
    "FrameEncoder",
    "FrameGenerator",
    "VGGEncoder",
    "VGGGenerator",
    "get",
]


def __dir__():
    return list(__all__)
