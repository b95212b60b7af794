"""Data sets: `images.load` and `images.batches`."""

from tfsigmavae.data import images

__all__ = ["images"]


def __dir__():
    return list(__all__)
