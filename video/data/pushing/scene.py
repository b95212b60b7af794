"""Physics of the pushing data: a hand and a few rigid bodies on a table.

Lengths are in pixels of a 64 x 64 picture, x to the right and y down, and time is in
frames. The table fills the picture; friction with it stops the objects quickly.
"""

import dataclasses
import math

import numpy as np
import pymunk

TABLE_SIZE = 64.0
HAND_RADIUS = 2.2
_RIM = 3.0  # the border of the table, which keeps the objects in
_SUBSTEPS = 4  # physics steps per frame
_DAMPING = 0.004  # speed left after one frame: friction of the table
_KINDS = ("square", "disc", "triangle", "hexagon", "bar")
_CORNERS = {"triangle": 3, "square": 4, "hexagon": 6}


@dataclasses.dataclass
class Item:
    """One object: `corners` (empty for a disc) are relative to the body's centre."""

    kind: str
    radius: float
    corners: list
    body: pymunk.Body


class Scene:
    """A table with objects, and a hand that pushes them the way a random walker would.

    The hand heads for a place behind some object, then through it, or just wanders;
    goals and speeds change at random times, so two futures of one past differ.

    Args:
        rng: `numpy.random.Generator`; all chance comes from it.
        num_objects: (least, most) number of objects.
        speed: (least, most) speed of the hand, pixels per frame.
        noise: standard deviation of the hand's velocity, pixels per frame.
    """

    def __init__(self, rng, num_objects=(4, 7), speed=(1.8, 3.4), noise=0.15):
        self._rng = rng
        self._speed_range = speed
        self._noise = noise
        self._space = pymunk.Space()
        self._space.damping = _DAMPING
        self._add_rim()
        self._occupied = []  # (x, y, radius) of what the table holds at the start
        self._hand = self._add_hand()
        self.items = []
        for _ in range(int(rng.integers(num_objects[0], num_objects[1] + 1))):
            self.items.append(self._add_item())
        self._velocity = (0.0, 0.0)
        self._frames_left = 0

    @property
    def hand(self):
        """(x, y) of the hand."""
        return self._hand.position.x, self._hand.position.y

    def step(self):
        """Moves the world on by a frame; returns the hand's displacement (x, y)."""
        x, y = self.hand
        velocity = self._next_velocity(x, y)
        self._velocity = velocity
        self._hand.velocity = velocity  # pyright: ignore[reportAttributeAccessIssue]
        for _ in range(_SUBSTEPS):
            self._space.step(1.0 / _SUBSTEPS)
        # Four quarter steps, without the rounding they collect.
        self._hand.position = x + velocity[0], y + velocity[1]
        return velocity

    def _next_velocity(self, x, y):
        if self._frames_left > 0:
            distance = math.hypot(self._goal[0] - x, self._goal[1] - y)
        if self._frames_left == 0 or distance < 1.5:
            self._choose_goal(x, y)
            distance = math.hypot(self._goal[0] - x, self._goal[1] - y)
        self._frames_left -= 1
        pull = min(self._speed, distance) / max(distance, 1e-6)
        noise = self._rng.normal(0.0, self._noise, 2).tolist()
        new = [
            0.55 * old + 0.45 * pull * (goal - place) + shake
            for old, goal, place, shake in zip(
                self._velocity, self._goal, (x, y), noise, strict=True
            )
        ]
        # The hand stays on the table: what would lead off it is cut.
        return tuple(
            min(max(place + speed, _RIM + HAND_RADIUS), TABLE_SIZE - _RIM - HAND_RADIUS)
            - place
            for place, speed in zip((x, y), new, strict=True)
        )

    def _choose_goal(self, x, y):
        rng = self._rng
        self._frames_left = int(rng.integers(5, 12))
        self._speed = float(rng.uniform(*self._speed_range))
        if rng.random() < 0.85:
            item = self.items[int(rng.integers(len(self.items)))]
            goal = item.body.position
            # Beyond the object on the line from the hand, so that it is pushed along.
            reach = math.hypot(goal.x - x, goal.y - y)
            beyond = 1.0 + float(rng.uniform(4.0, 14.0)) / max(reach, 1.0)
            self._goal = (x + beyond * (goal.x - x), y + beyond * (goal.y - y))
        else:
            self._goal = tuple(rng.uniform(8.0, TABLE_SIZE - 8.0, 2).tolist())

    def _add_rim(self):
        # Thick walls, so that nothing tunnels; their inner faces are on the rim.
        half_width = 4.0
        near, far = _RIM - half_width, TABLE_SIZE - _RIM + half_width
        corners = [(near, near), (far, near), (far, far), (near, far)]
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            segment = pymunk.Segment(self._space.static_body, start, end, half_width)
            segment.friction = 0.4
            self._space.add(segment)

    def _add_hand(self):
        hand = pymunk.Body(body_type=pymunk.Body.KINEMATIC)
        hand.position = self._free_place(HAND_RADIUS)  # pyright: ignore[reportAttributeAccessIssue]
        shape = pymunk.Circle(hand, HAND_RADIUS)
        shape.friction = 0.6
        self._space.add(hand, shape)
        return hand

    def _add_item(self):
        kind = _KINDS[int(self._rng.integers(len(_KINDS)))]
        radius = float(self._rng.uniform(4.4, 6.2))
        while (place := self._free_place(radius)) is None:
            radius *= 0.9  # a crowded table gets smaller objects
        corners = _corners(kind, radius)
        body = pymunk.Body(mass=1.0, moment=radius**2 / 2)
        body.position = place
        body.angle = float(self._rng.uniform(0.0, 2 * math.pi))
        if corners:
            shape = pymunk.Poly(body, corners, radius=0.3)
        else:
            shape = pymunk.Circle(body, radius)
        shape.friction = 0.5
        self._space.add(body, shape)
        return Item(kind, radius, corners, body)

    def _free_place(self, radius):
        """A random place that touches nothing; `None` where 60 tries find none."""
        margin = _RIM + 2.0 + radius
        for _ in range(60):
            x, y = self._rng.uniform(margin, TABLE_SIZE - margin, 2).tolist()
            if all(
                math.hypot(x - other_x, y - other_y) > radius + other_radius + 1.0
                for other_x, other_y, other_radius in self._occupied
            ):
                self._occupied.append((x, y, radius))
                return x, y
        return None


def _corners(kind, radius):
    if kind == "disc":
        return []
    if kind == "bar":
        long, short = 1.15 * radius, 0.5 * radius
        return [(-long, -short), (long, -short), (long, short), (-long, short)]
    number = _CORNERS[kind]
    turns = np.arange(number) * 2 * math.pi / number
    return [(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]
