"""Pictures of images: grids, rows with labels, PNG files."""

from tfsigmavae.pictures.files import to_uint8, write_png
from tfsigmavae.pictures.grids import image_grid, labelled_grid

__all__ = ["image_grid", "labelled_grid", "to_uint8", "write_png"]


def __dir__():
    return list(__all__)
