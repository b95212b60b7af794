"""Draws a pushing scene: table, soft shadows, bevelled objects and a two-link arm.

Shapes are drawn at `_SCALE` times the size of the picture and averaged down, which is
what keeps their edges smooth while they move by parts of a pixel.
"""

import colorsys
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tfsigmavae_video.data.pushing.scene import HAND_RADIUS, TABLE_SIZE

_SCALE = 4
# (table, rim) colours, about equally bright: a batch of clips then has steady
# statistics, on which batch normalisation with a handful of clips depends.
_TABLES = (
    ((198, 172, 136), (120, 88, 58)),  # oak
    ((190, 178, 158), (118, 100, 78)),  # birch
    ((176, 180, 160), (92, 98, 76)),  # sage
    ((172, 178, 178), (88, 96, 102)),  # grey
    ((164, 176, 186), (76, 90, 108)),  # slate
)
# (hue, saturation, value): clear toy colours, picked without repetition.
_TOYS = (
    (0.00, 0.78, 0.88),  # red
    (0.07, 0.85, 0.96),  # orange
    (0.135, 0.82, 0.98),  # yellow
    (0.29, 0.62, 0.74),  # green
    (0.46, 0.75, 0.72),  # teal
    (0.56, 0.72, 0.92),  # sky
    (0.63, 0.72, 0.78),  # blue
    (0.76, 0.55, 0.80),  # violet
    (0.91, 0.52, 0.95),  # pink
)
_UPPER_LINK = (186, 44, 46)
_LOWER_LINK = (44, 47, 56)
_ARM_EDGE = (24, 26, 32)
_ARM_JOINT = (110, 116, 128)
_TIP_RING = (250, 244, 230)
_TIP = (255, 122, 26)


class Painter:
    """Paints the frames of one episode; table, light and colours are the episode's.

    Args:
        rng: `numpy.random.Generator`, from which the looks are drawn.
        num_items: how many objects need a colour.
        frame_size: height and width of a frame in pixels.
    """

    def __init__(self, rng, num_items, frame_size=64):
        self._size = frame_size
        self._zoom = _SCALE * frame_size / TABLE_SIZE
        angle = rng.uniform(0.15 * math.pi, 0.85 * math.pi)  # light from above
        self._light = (math.cos(angle), math.sin(angle))
        brightness = rng.uniform(0.95, 1.05)
        self._background = _table(rng, frame_size, brightness)
        self._shaded = self._background.point(lambda value: int(0.52 * value))
        picks = rng.permutation(len(_TOYS))
        self._colours = [
            _toy_colours(_TOYS[picks[i % len(_TOYS)]], rng, brightness)
            for i in range(num_items)
        ]
        self._base = (float(rng.uniform(26.0, 38.0)), -7.0)
        self._elbow_side = float(rng.choice([-1.0, 1.0]))

    def draw(self, scene) -> np.ndarray:
        """The scene as a `[frame_size, frame_size, 3]` uint8 array."""
        hand = scene.hand
        elbow = _elbow(self._base, hand, self._elbow_side)
        outlines = [_outline(item) for item in scene.items]
        shadow = self._shadow(outlines, elbow, hand)
        picture = Image.composite(self._shaded, self._background, shadow)
        side = _SCALE * self._size
        picture = picture.resize((side, side), Image.Resampling.NEAREST)
        draw = ImageDraw.Draw(picture)
        for outline, colours in zip(outlines, self._colours, strict=True):
            self._draw_item(draw, outline, colours)
        self._draw_arm(draw, elbow, hand)
        return np.asarray(picture.reduce(_SCALE))

    def _shadow(self, outlines, elbow, hand):
        """Soft mask of what lies in shadow, at half the drawing's resolution."""
        mask = Image.new("L", (2 * self._size,) * 2)  # pyright: ignore[reportArgumentType]
        draw = ImageDraw.Draw(mask)
        zoom = self._zoom * 2 / _SCALE
        for outline in outlines:
            _shape(draw, outline, zoom, _along(self._light, 1.6), 150)
        dx, dy = _along(self._light, 3.2)  # the arm is higher than the objects
        points = [(x + dx, y + dy) for x, y in (self._base, elbow, hand)]
        _polyline(draw, points, zoom, (6.6, 5.2), 130)
        return mask.reduce(2).filter(ImageFilter.BoxBlur(1))

    def _draw_item(self, draw, outline, colours):
        side, top, face = colours
        _shape(draw, outline, self._zoom, (0.0, 0.9), side)
        _shape(draw, outline, self._zoom, (0.0, 0.0), top)
        _shape(draw, outline, self._zoom, (-0.2, -0.35), face, shrink=0.62)

    def _draw_arm(self, draw, elbow, hand):
        upper, lower = [self._base, elbow], [elbow, hand]
        for points, widths, fill, edge in (
            (upper, (7.0, 5.8), _UPPER_LINK, _ARM_EDGE),
            (lower, (5.6, 4.4), _LOWER_LINK, _ARM_EDGE),
        ):
            _polyline(draw, points, self._zoom, widths[:1], edge)
            _polyline(draw, points, self._zoom, widths[1:], fill)
        _dot(draw, elbow, 3.0, self._zoom, _ARM_EDGE)
        _dot(draw, elbow, 1.6, self._zoom, _ARM_JOINT)
        # A light ring round a bright tip: the hand must not drown among the toys.
        _dot(draw, hand, HAND_RADIUS + 0.8, self._zoom, _ARM_EDGE)
        _dot(draw, hand, HAND_RADIUS + 0.1, self._zoom, _TIP_RING)
        _dot(draw, hand, 1.2, self._zoom, _TIP)


def _table(rng, size, brightness):
    """Planks with a little grain, a gradient of light, and a darker rim."""
    table, rim = _TABLES[int(rng.integers(len(_TABLES)))]
    y, x = np.mgrid[0:size, 0:size] / size
    tilt = rng.uniform(-0.06, 0.06, 2)
    light = brightness * (1.0 + tilt[0] * (x - 0.5) + tilt[1] * (y - 0.5))
    num_planks = int(rng.integers(3, 6))
    along, across = (x, y) if rng.random() < 0.5 else (y, x)
    plank = np.minimum((across * num_planks).astype(int), num_planks - 1)
    light = light * (1.0 + rng.normal(0.0, 0.02, num_planks)[plank])
    waves = rng.uniform(0.0, 2 * math.pi, num_planks)[plank]
    grain = np.sin(across * 140.0 + 2.0 * np.sin(5.0 * along + waves) + waves)
    light = light * (1.0 + 0.014 * grain)
    seam = (across * num_planks) % 1.0 < num_planks / size
    light = np.where(seam & (plank > 0), 0.86 * light, light)
    edge = np.minimum(np.minimum(x, 1 - 1 / size - x), np.minimum(y, 1 - 1 / size - y))
    colour = np.where((edge < 2.5 / 64)[..., None], rim, table)
    inner = (edge >= 2.5 / 64) & (edge < 3.5 / 64)
    light = np.where(inner, 0.82 * light, light)
    return Image.fromarray(np.clip(colour * light[..., None], 0, 255).astype(np.uint8))


def _toy_colours(hsv, rng, brightness):
    """Colours of the side, the top and the lighter inner face of an object."""
    hue = (hsv[0] + rng.uniform(-0.012, 0.012)) % 1.0
    value = min(1.0, hsv[2] * brightness)
    looks = ((hsv[1], 0.55 * value), (hsv[1], 0.86 * value), (0.78 * hsv[1], value))
    return [
        tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, *look))
        for look in looks
    ]


def _outline(item):
    """(centre, corners) in table coordinates; a radius takes the corners' place."""
    x, y = item.body.position
    if not item.corners:
        return (x, y), item.radius
    cos, sin = math.cos(item.body.angle), math.sin(item.body.angle)
    return (x, y), [(cos * a - sin * b, sin * a + cos * b) for a, b in item.corners]


def _shape(draw, outline, zoom, shift, fill, shrink=1.0):
    (x, y), corners = outline
    x, y = (x + shift[0]) * zoom, (y + shift[1]) * zoom
    size = shrink * zoom
    if isinstance(corners, float):
        radius = corners * size
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    else:
        draw.polygon([(x + a * size, y + b * size) for a, b in corners], fill=fill)


def _polyline(draw, points, zoom, widths, fill):
    points = [(x * zoom, y * zoom) for x, y in points]
    for start, end, width in zip(points, points[1:], widths, strict=False):
        draw.line((start, end), fill=fill, width=round(width * zoom))
        radius = width * zoom / 2
        for x, y in (start, end):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _dot(draw, centre, radius, zoom, fill):
    x, y, radius = centre[0] * zoom, centre[1] * zoom, radius * zoom
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _along(direction, distance):
    return direction[0] * distance, direction[1] * distance


def _elbow(base, hand, side):
    """Elbow of an arm with two links of equal length, bent to one side."""
    dx, dy = hand[0] - base[0], hand[1] - base[1]
    reach = math.hypot(dx, dy)
    link = 38.0  # pixels: two links reach every corner of the table
    bend = side * math.sqrt(max(link**2 - reach**2 / 4, 0.0)) / max(reach, 1e-6)
    return base[0] + dx / 2 - bend * dy, base[1] + dy / 2 + bend * dx
