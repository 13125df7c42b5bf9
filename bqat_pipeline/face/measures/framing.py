"""Whether the picture holds the whole head, the right way up (ICAO Doc 9303-3: the face from crown to chin)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from bqat_pipeline.face.context import FaceContext, Person
from bqat_pipeline.face.head_frame import HeadFrame

# Probability from which a pixel at the picture's edge counts as person. Lower than elsewhere: caps and light hair look
# like background to the net where no more of the head is seen, and plain background stays below 0.05.
_PERSON = 0.2
# Distances of the picture's edge above the eyes, in eye-to-chin distances: up to the first one it cuts the skull, from
# the second one on only hair or a hat (top of the segmented hair of 52 neutral portraits: 0.80 to 1.39, median 1.08;
# the short-haired and bald ones among them 0.80 to 1.0).
_SKULL, _HAIR = 1.0, 1.2
_FOREHEAD = 0.5  # an edge closer to the eyes than this crosses the whole forehead
_HALF_HEAD = 0.55  # of the head's width: how far beside the eyes' midpoint the head reaches, ears left out

_QUARTER, _HALF = 45.0, 135.0  # degrees of roll from which a picture lies on its side, and is upside down


def measure(context: FaceContext) -> Mapping[str, object]:
    """What is cut at the top, the room beside the head and below the chin, and how the picture is turned."""
    turned = turns(context.pose.roll)
    return {**_cuts(context), "aux_upside_down": turned.upside_down, "aux_quarter_turn": turned.quarter}


@dataclass(frozen=True, slots=True)
class Turns:
    """How a picture has to be turned until the head is upright to within 45 degrees.

    Attributes
    ----------
    upside_down : Whether by half a turn.
    quarter : 1 by a quarter clockwise, -1 by a quarter anti-clockwise, else 0.
    """

    upside_down: bool
    quarter: int


def turns(roll: float) -> Turns:
    """The turns for a roll, -180..180 degrees, above 0 when the head is turned anti-clockwise as seen."""
    sideways = _QUARTER < abs(roll) <= _HALF
    return Turns(abs(roll) > _HALF, (1 if roll > 0 else -1) if sideways else 0)


def _cuts(context: FaceContext) -> Mapping[str, object]:
    frame = context.head
    if frame is None:
        return {"aux_crown_cut": None, "aux_side_room": None, "aux_chin_room": None}
    size = (context.width, context.height)
    left, right = frame.sides
    beside = min(room(left, -frame.right, size), room(right, frame.right, size))
    return {
        "aux_crown_cut": crown_cut(context, frame),
        "aux_side_room": beside / frame.width,
        "aux_chin_room": room(context.geometry.chin, -frame.up, size) / frame.length,
    }


def room(point: np.ndarray, direction: np.ndarray, size: tuple[int, int]) -> float:
    """Distance from a point to the edge of the picture in a direction, px; below 0 when the edge lies behind it.

    Parameters
    ----------
    point : (2,) px of the picture.
    direction : (2,) unit vector.
    size : (width, height) of the picture, px.
    """
    nearest = inf
    for at, step, length in zip(point, direction, size, strict=True):
        if step:
            nearest = min(nearest, ((length - 0.5 if step > 0 else -0.5) - float(at)) / float(step))
    return nearest


def crown_cut(context: FaceContext, frame: HeadFrame) -> float | None:
    """Width along which the edge of the picture cuts the head above the eyes, in head widths.

    None where it depends on which pixels show the person, and the person is not told from the background.
    Only pixels of the person count: background seen above the head means that it is complete. An edge far above the
    eyes cuts hair or a hat, not the crown, which ISO/IEC 39794-5 places on the skull: it counts less.
    """
    above = room(frame.origin, frame.up, (context.width, context.height)) / frame.length
    weight = min(max((_HAIR - above) / (_HAIR - _SKULL), 0.0), 1.0)
    if not weight:
        return 0.0
    if above < _FOREHEAD:
        return 1.0
    if not context.has_person:
        return None
    cut = 0.0
    for points, step in person_at_edges(context.person, (context.width, context.height)):
        beside, up = (points - frame.origin) @ frame.right, (points - frame.origin) @ frame.up
        inside = (up > 0) & (np.abs(beside) <= _HALF_HEAD * frame.width)
        cut += np.count_nonzero(inside) * abs(float(step @ frame.right))
    return weight * min(1.0, cut / frame.width)


def person_at_edges(person: Person, size: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where a person touches the edges of the picture.

    For each edge that the segmentation reaches: points (n, 2), px, and the step (2,) from one to the next.

    Parameters
    ----------
    size : (width, height) of the picture, px.
    """
    h, w = person.probability.shape
    (sx, _, ox), (_, sy, oy) = person.matrix
    x, y = (np.arange(w) - ox) / sx, (np.arange(h) - oy) / sy
    left, upper, right, lower = person.area
    found = []
    for reached, at, row in ((upper <= 0.5, 0, 0), (lower >= size[1] - 0.5, size[1] - 1, h - 1)):
        if reached:
            along = x[person.probability[row] >= _PERSON]
            found.append((np.column_stack([along, np.full(along.shape, at)]), np.array([1 / sx, 0.0])))
    for reached, at, column in ((left <= 0.5, 0, 0), (right >= size[0] - 0.5, size[0] - 1, w - 1)):
        if reached:
            along = y[person.probability[:, column] >= _PERSON]
            found.append((np.column_stack([np.full(along.shape, at), along]), np.array([0.0, 1 / sy])))
    return found
