"""A dark sheet of framed tiles with labels, headings and a header."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (22, 24, 29)
TEXT_COLOUR = (232, 234, 237)
FAINT_TEXT_COLOUR = (154, 160, 166)

_MARGIN = 14
_GAP = 8
# Extra room before the column `gap_before`.
_WIDE_GAP = 10


class TileSheet:
    """Where tiles and texts go, and the picture with everything that stays put.

    Args:
        labels: one text per row, at its left; may be empty.
        tile_shape: (height, width) of the images.
        num_columns: number of tiles in a row.
        scale: screen pixels per pixel.
        headings: one text per column, or `None`.
        header: the widest texts that `draw_header` will write, side by side. Defaults
            to none, and no room is left.
        gap_before: column before which a gap is left. Defaults to `0`, none.
    """

    def __init__(
        self,
        labels,
        tile_shape,
        num_columns,
        scale,
        headings=None,
        header=(),
        gap_before=0,
    ):
        self.scale = int(scale)
        self.border = 1 + self.scale
        self.tile = [side * self.scale for side in tile_shape]
        self.font = ImageFont.load_default(min(22, max(13, self.tile[0] // 7)))
        framed = [side + 2 * self.border for side in self.tile]
        cell_width = max([framed[1], *map(self._width, headings or [])])
        self.inset = (cell_width - framed[1]) // 2
        self.pitch = framed[0] + _GAP, cell_width + _GAP
        self.gap_before = gap_before
        line = int(1.6 * self._size("Ay")[1])
        self.header_height = line + _GAP if header else 0
        label_width = max(map(self._width, labels))
        self.left = _MARGIN + (label_width + _MARGIN if label_width else 0)
        self.top = _MARGIN + self.header_height + (line if headings else 0)
        ends = np.cumsum([self.left, *map(self._width, header)])
        self.header_lefts = ends[:-1].tolist()
        last = self.origin(len(labels) - 1, num_columns - 1)
        sizes = [last[i] + self.pitch[i] - _GAP + _MARGIN for i in (0, 1)]
        sizes[1] = max(sizes[1] - self.inset, int(ends[-1]) + _MARGIN)
        # Even, as mp4 wants it.
        canvas_size = [size + size % 2 for size in sizes]
        self.blank = Image.new("RGB", canvas_size[::-1], BACKGROUND)
        self._draw_texts(labels, headings or [])

    def origin(self, row, column):
        """Top and left of a tile's border."""
        shift = _WIDE_GAP if 0 < self.gap_before <= column else 0
        return (
            self.top + row * self.pitch[0],
            self.left + column * self.pitch[1] + shift + self.inset,
        )

    def place(self, canvas, image, row, column, colour=BACKGROUND):
        """Pastes one enlarged and bordered uint8 `[H, W, C]` image, C 1 or 3."""
        tile = image.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        framed = np.empty([side + 2 * self.border for side in self.tile] + [3], "uint8")
        framed[:] = colour
        framed[self.border : -self.border, self.border : -self.border] = tile
        canvas.paste(Image.fromarray(framed), self.origin(row, column)[::-1])

    def draw_header(self, canvas, texts, colours):
        """Writes texts in the places that `header` has measured."""
        draw = ImageDraw.Draw(canvas)
        middle = _MARGIN + (self.header_height - _GAP) // 2
        for left, text, colour in zip(self.header_lefts, texts, colours, strict=True):
            draw.text((left, middle), text, colour, self.font, anchor="lm")

    def _draw_texts(self, labels, headings):
        draw = ImageDraw.Draw(self.blank)
        half_height, half_width = (side // 2 + self.border for side in self.tile)
        for row, label in enumerate(labels):
            position = self.left - _MARGIN, self.origin(row, 0)[0] + half_height
            draw.text(position, label, TEXT_COLOUR, self.font, anchor="rm")
        for column, heading in enumerate(headings):
            left = self.origin(0, column)[1]
            position = left + half_width, self.top - _GAP
            draw.text(position, heading, FAINT_TEXT_COLOUR, self.font, anchor="ms")

    def _width(self, text):
        return self._size(text)[0]

    def _size(self, text):
        left, top, right, bottom = self.font.getbbox(text)
        return int(np.ceil(right - left)), int(np.ceil(bottom - top))
