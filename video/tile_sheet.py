"""A dark sheet of framed tiles with labels, headings and a step counter."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GIVEN_COLOUR = (46, 182, 98)
PREDICTED_COLOUR = (235, 77, 75)
BACKGROUND = (22, 24, 29)
TEXT_COLOUR = (232, 234, 237)
FAINT_TEXT_COLOUR = (154, 160, 166)

_MARGIN = 14
_GAP = 8
# Extra room between the last given and the first predicted column of a filmstrip.
_PHASE_GAP = 10


class TileSheet:
    """Where tiles and texts go, and the picture with everything that stays put.

    Args:
        rows: `Row`s whose clips are uint8 `[N, T, H, W, 3]`.
        num_columns: number of tiles in a row.
        scale: screen pixels per pixel.
        headings: one text per column, or `None`.
        has_counter: whether room is left for `draw_counter`. Defaults to `False`.
        phase_start: column before which a gap is left. Defaults to `0`, none.
    """

    def __init__(
        self, rows, num_columns, scale, headings=None, has_counter=False, phase_start=0
    ):
        height, width = rows[0].clips.shape[2:4]
        self.scale = int(scale)
        self.border = 1 + self.scale
        self.tile = height * self.scale, width * self.scale
        self.font = ImageFont.load_default(min(22, max(13, self.tile[0] // 7)))
        framed = [side + 2 * self.border for side in self.tile]
        widths = [_text_size(self.font, heading)[0] for heading in headings or []]
        cell_width = max([framed[1], *widths])
        self.inset = (cell_width - framed[1]) // 2
        self.pitch = framed[0] + _GAP, cell_width + _GAP
        self.phase_start = phase_start
        line = int(1.6 * _text_size(self.font, "Ay")[1])
        self.counter_height = line + _GAP if has_counter else 0
        labels = max(_text_size(self.font, row.label)[0] for row in rows)
        self.left = _MARGIN + (labels + _MARGIN if labels else 0)
        self.top = _MARGIN + self.counter_height + (line if headings else 0)
        last = self.origin(len(rows) - 1, num_columns - 1)
        sizes = [last[i] + self.pitch[i] - _GAP + _MARGIN for i in (0, 1)]
        sizes[1] -= self.inset
        if has_counter:
            sizes[1] = max(sizes[1], self._counter_width() + _MARGIN)
        canvas_size = [size + size % 2 for size in sizes]
        self.blank = Image.new("RGB", canvas_size[::-1], BACKGROUND)
        self._draw_texts(rows, headings or [])

    def origin(self, row, column):
        """Top and left of a tile's border."""
        shift = _PHASE_GAP if 0 < self.phase_start <= column else 0
        return (
            self.top + row * self.pitch[0],
            self.left + column * self.pitch[1] + shift + self.inset,
        )

    def place(self, canvas, frame, row, column, colour):
        """Pastes one enlarged and bordered frame."""
        tile = frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)
        framed = np.empty([side + 2 * self.border for side in self.tile] + [3], "uint8")
        framed[:] = colour
        framed[self.border : -self.border, self.border : -self.border] = tile
        canvas.paste(Image.fromarray(framed), self.origin(row, column)[::-1])

    def draw_counter(self, canvas, t, phase):
        """Writes `t = 7` and a coloured word for what the borders mean."""
        draw = ImageDraw.Draw(canvas)
        middle = _MARGIN + (self.counter_height - _GAP) // 2
        draw.text(
            (self.left, middle), f"t = {t}", TEXT_COLOUR, font=self.font, anchor="lm"
        )
        colour = GIVEN_COLOUR if phase == "given" else PREDICTED_COLOUR
        draw.text((self._phase_left(), middle), phase, colour, self.font, anchor="lm")

    def _phase_left(self):
        return self.left + _text_size(self.font, "t = 000 ")[0]

    def _counter_width(self):
        return self._phase_left() + _text_size(self.font, "predicted")[0]

    def _draw_texts(self, rows, headings):
        draw = ImageDraw.Draw(self.blank)
        half_height, half_width = (side // 2 + self.border for side in self.tile)
        for index, row in enumerate(rows):
            position = self.left - _MARGIN, self.origin(index, 0)[0] + half_height
            draw.text(position, row.label, TEXT_COLOUR, self.font, anchor="rm")
        for index, heading in enumerate(headings):
            left = self.origin(0, index)[1]
            position = left + half_width, self.top - _GAP
            draw.text(position, heading, FAINT_TEXT_COLOUR, font=self.font, anchor="ms")


def _text_size(font, text):
    left, top, right, bottom = font.getbbox(text)
    return int(np.ceil(right - left)), int(np.ceil(bottom - top))
