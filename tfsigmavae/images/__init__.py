"""Pictures of images: grids, rows with labels, PNG files."""

from tfsigmavae.images.files import to_uint8, write_png
from tfsigmavae.images.grids import image_grid, labelled_grid

__all__ = ["image_grid", "labelled_grid", "to_uint8", "write_png"]
