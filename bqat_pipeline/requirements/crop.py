"""The crop of a picture that brings size and position of the head within the limits of a rule set.

The picture is rotated about the midpoint of the eyes until the head is upright, unless the rule set accepts its roll;
then a rectangle is cut out and reduced to the largest size allowed. No pixel is invented: the rectangle lies within the
picture, and nothing is enlarged.

Frame of the rectangle: x to its right, y down, ``a`` wide and ``b`` high, px of the picture. M is the midpoint of the
eye centres, T its distance from the chin, 2 T the length of the head, W its width (ISO/IEC 39794-5, as in
``quantities``). T and W are lengths in the picture: rotating it does not change them.

No crop cuts the head: crown, chin and the sides of the face stay inside, whatever the limits, and high hair or a hat
where there is room.
A head that the picture itself cuts off has no crop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements.evaluate import evaluate_row, needed_columns, row_value
from bqat_pipeline.requirements.quantities import quantity, stand_in
from bqat_pipeline.requirements.rectangles import Range, Rectangles, nearest_centre
from bqat_pipeline.requirements.rule_set import RuleSet

_LENGTH, _WIDTH = "aux_head_length_ratio", "aux_head_width_ratio"
_X, _Y, _ASPECT = "aux_face_position_x", "aux_face_position_y", "aux_image_aspect"
_EYES, _ROLL = "iso_inter_eye_distance", "iso_head_pose_roll"
_TOP = "head_top"
_SIDE_ROOM, _CHIN_ROOM = "aux_side_room", "aux_chin_room"
_CUTS = ("aux_crown_cut", _SIDE_ROOM, _CHIN_ROOM)
_UPSIDE_DOWN, _QUARTER_TURN = "aux_upside_down", "aux_quarter_turn"
GEOMETRY = (_LENGTH, _WIDTH, _X, _Y, _ASPECT, _ROLL, _UPSIDE_DOWN, _QUARTER_TURN, "image_width", "image_height")
# Number of aspect ratios, and of sizes for each, that are tried between the limits.
_SHAPES, _SIZES = 25, 61
# Margin kept from the limits on position, as a share of the rectangle, so that rounding does not exceed them.
_MARGIN = 1e-6
# Room above the top of the hair, in T, where the picture has it: the edge of the segmentation is that uncertain.
_ABOVE_HAIR = 0.06
_MOST_ABOVE = 1.25  # T: how much of the head and its hair above M must stay inside; the crown lies at 0.8 to 1.0
_STEEP = 30.0  # deg of roll from which the highest point of the head in the picture is not its top
_SIDEWAYS = 45.0  # deg of roll from which a picture is not upright
_HALF_HEAD = 0.55  # W: how far beside M the head reaches


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of a picture.

    Attributes
    ----------
    centre : (x, y) of its centre, px of the upright picture.
    angle : Roll that it corrects, deg, with the sign of ``iso_head_pose_roll``: above 0 the head is tilted
        anti-clockwise as seen in the picture.
    scale : Px of the result per px of the picture, at most 1.
    width, height : Size of the result, px.
    corners : Upper left, upper right, lower right, lower left corner of the result, px of the picture.
    remaining : Titles of required limits that the cropped picture still fails.
    """

    centre: tuple[float, float]
    angle: float
    scale: float
    width: int
    height: int
    corners: tuple[tuple[float, float], ...]
    remaining: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CropPlan:
    """A crop, or the sentence that says why there is none."""

    crop: Crop | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Head:
    """Size and position of the head by the row, px of the picture and deg; NaN where the row has no value.

    ``above`` is the distance from M to where the head ends above it, hair included; T where that was not measured.
    """

    width: int
    height: int
    middle: NDArray[np.float64]
    length: float
    breadth: float
    eyes: float
    roll: float
    above: float


@dataclass(frozen=True, slots=True)
class _Limits:
    """Smallest and largest value of each geometric quantity; the whole range where there is no limit."""

    ranges: dict[str, tuple[float, float]]

    def of(self, name: str) -> tuple[float, float]:
        return self.ranges.get(name, (0.0, np.inf))


def plan_crop(rules: RuleSet, row: Mapping[str, Any], size: tuple[int, int]) -> CropPlan:
    """The crop that meets the geometric limits of a rule set, or why there is none.

    If possible it keeps the band of each limit as a distance, else it lies just within the limits; recommended limits
    are dropped where the required ones alone can be met. A picture that passes all of them is returned whole.

    Parameters
    ----------
    rules : Limits.
    row : Face profile of the picture: column name to value.
    size : Width and height of the upright picture, px.
    """
    if row.get("status", MEASURED[0]) not in MEASURED:
        return CropPlan(None, "No crop: the face was not measured.")
    geometric = [r for r in rules.requirements if r.quantity in GEOMETRY]
    if not geometric:
        return CropPlan(None, "No crop: this rule set has no limit on size and place of the head.")
    results = evaluate_row(rules, row).results
    eyes_apart = all(results[r.name] != "fail" for r in rules.requirements if r.quantity == _EYES)
    if eyes_apart and all(results[r.name] == "pass" for r in geometric):
        return CropPlan(_with_remaining(rules, row, size, _whole(size)))
    cut = [r.finding for r in rules.requirements if r.quantity in _CUTS and results[r.name] == "fail"]
    if cut:
        return CropPlan(None, f"No crop: {' and '.join(cut)}; only another picture helps.")
    head = _head(row, size)
    if not np.isfinite([*head.middle, head.length]).all() or head.length <= 0:
        return CropPlan(None, "No crop: the position of the face was not measured.")
    # What is segmented above the crown may be high hair, or something behind the head: it is kept where there is room.
    lower = replace(head, above=min(head.above, _MOST_ABOVE * head.length / 2))
    for kept in (head, lower) if lower.above < head.above else (head,):
        for limits in _attempts(rules):
            crop = _best(kept, limits, _angle(kept, limits))
            if crop is not None:
                return CropPlan(_with_remaining(rules, row, size, crop))
    limits = _limits(rules, required_only=True, bands=0)
    return CropPlan(None, f"No crop: {_why_none(lower, limits, _angle(lower, limits))}.")


def crop_columns(rules: RuleSet, available: list[str]) -> list[str]:
    """The columns among those available that ``plan_crop`` reads."""
    wanted = needed_columns(rules, available)
    for name in (*GEOMETRY, *_CUTS, _EYES, _TOP):
        for column in quantity(name).columns:
            wanted.append(column if column in available else stand_in(column) or "")
    return [name for name in dict.fromkeys(wanted) if name in available]


def cropped(row: Mapping[str, Any], size: tuple[int, int], crop: Crop) -> dict[str, Any]:
    """The row of the cropped picture: its geometry is calculated, all other values are those of ``row``."""
    head = _head(row, size)
    a, b = crop.width / crop.scale, crop.height / crop.scale
    right, down = _axes(crop.angle)
    place = head.middle - np.array(crop.corners[0])
    changed = {
        "image_width": crop.width,
        "image_height": crop.height,
        _ASPECT: crop.width / crop.height,
        _LENGTH: head.length / b,
        _WIDTH: head.breadth / a,
        _X: float(place @ right) / a,
        _Y: float(place @ down) / b,
        _EYES: head.eyes * crop.scale,
        _ROLL: head.roll - crop.angle,
        _SIDE_ROOM: min(float(place @ right), a - float(place @ right)) / head.breadth - 0.5,
        _CHIN_ROOM: (b - float(place @ down)) / (head.length / 2) - 1,
    }
    upright = {_UPSIDE_DOWN: False, _QUARTER_TURN: 0} if abs(head.roll - crop.angle) < _SIDEWAYS else {}
    return {**row, **{name: None if np.isnan(value) else value for name, value in changed.items()}, **upright}


def head_above(row: Mapping[str, Any], size: tuple[int, int]) -> float:
    """Px from the middle of the eyes to where the head ends above it, hair included; NaN where not measured."""
    return _head(row, size).above


def _with_remaining(rules: RuleSet, row: Mapping[str, Any], size: tuple[int, int], crop: Crop) -> Crop:
    results = evaluate_row(rules, cropped(row, size, crop)).results
    remaining = tuple(r.title for r in rules.requirements if r.severity == "required" and results[r.name] == "fail")
    return Crop(crop.centre, crop.angle, crop.scale, crop.width, crop.height, crop.corners, remaining)


def _whole(size: tuple[int, int]) -> Crop:
    w, h = size
    return Crop((w / 2, h / 2), 0.0, 1.0, w, h, ((0.0, 0.0), (w, 0.0), (w, h), (0.0, h)))


def _head(row: Mapping[str, Any], size: tuple[int, int]) -> _Head:
    w, h = size
    y, half, roll, top = (
        row_value(row, _Y) * h,
        row_value(row, _LENGTH) * h / 2,
        row_value(row, _ROLL),
        row_value(row, _TOP),
    )
    seen = top >= 0 and abs(roll) < _STEEP
    return _Head(
        width=w,
        height=h,
        middle=np.array([row_value(row, _X) * w, row_value(row, _Y) * h]),
        length=row_value(row, _LENGTH) * h,
        breadth=row_value(row, _WIDTH) * w,
        eyes=row_value(row, _EYES),
        roll=roll,
        above=min(y - top + _ABOVE_HAIR * half, y) if seen else half,
    )


# limits


def _attempts(rules: RuleSet) -> list[_Limits]:
    return [
        _limits(rules, required_only=required_only, bands=bands) for required_only in (False, True) for bands in (1, 0)
    ]


def _limits(rules: RuleSet, *, required_only: bool, bands: int) -> _Limits:
    ranges: dict[str, tuple[float, float]] = {}
    for r in rules.requirements:
        if r.quantity not in (*GEOMETRY, _EYES) or r.severity == "informative":
            continue
        if required_only and r.severity != "required":
            continue
        low, high = ranges.get(r.quantity, (-np.inf if r.quantity == _ROLL else 0.0, np.inf))
        if r.min is not None:
            low = max(low, r.min + bands * r.band)
        if r.max is not None:
            high = min(high, r.max - bands * r.band)
        ranges[r.quantity] = low, high
    return _Limits(ranges)


def _angle(head: _Head, limits: _Limits) -> float:
    """Roll to correct, deg; 0 where it is within the limits, because a rotation resamples every pixel."""
    low, high = limits.ranges.get(_ROLL, (-np.inf, np.inf))
    return 0.0 if np.isnan(head.roll) or low <= head.roll <= high else head.roll


def _axes(angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (2,) of the rectangle's x and y in the picture."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.array([c, -s]), np.array([s, c])


def _extents(head: _Head, limits: _Limits) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Ranges of width, height (px of the picture) and aspect of the rectangle, with 1 px to spare for whole px."""
    (w0, w1), (h0, h1) = limits.of("image_width"), limits.of("image_height")
    a = max(w0, 1.0), float(np.hypot(head.width, head.height))
    b = max(h0, 1.0), a[1]
    length, breadth = limits.of(_LENGTH), limits.of(_WIDTH)
    if _LENGTH in limits.ranges:
        b = max(b[0], head.length / length[1]), min(b[1], head.length / max(length[0], 1e-9))
    b = max(b[0], head.above + head.length / 2), b[1]  # crown and chin must lie within it
    if np.isfinite(head.breadth):
        a = max(a[0], 2 * _HALF_HEAD * head.breadth), a[1]
    if _WIDTH in limits.ranges and np.isfinite(head.breadth) and head.breadth > 0:
        a = max(a[0], head.breadth / breadth[1]), min(a[1], head.breadth / max(breadth[0], 1e-9))
    if _EYES in limits.ranges and np.isfinite(head.eyes):
        least = limits.of(_EYES)[0] / max(head.eyes, 1e-9)  # smallest scale that keeps the eyes far enough apart
        if least > 0:
            a, b = (a[0], min(a[1], w1 / least)), (b[0], min(b[1], h1 / least))
    a, b = (a[0] + 1, a[1]), (b[0] + 1, b[1])
    low, high = limits.of(_ASPECT)
    if _ASPECT in limits.ranges:
        low, high = low + 1 / b[0], high - 1 / b[0]
    # A rectangle that is reduced to the largest width must keep the smallest height, and the other way round.
    shape = max(low, a[0] / b[1], w0 / h1), min(high, a[1] / b[0], w1 / h0 if h0 else np.inf)
    return a, b, shape


def _places(head: _Head, limits: _Limits, a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[Range, Range]:
    """Where M may lie, as shares of the rectangle's sides: x from and to, y from and to, (n,) each.

    Parameters
    ----------
    a, b : (n,) widths and heights of rectangles, px of the picture.
    """
    (x0, x1), (y0, y1) = limits.of(_X), limits.of(_Y)
    beside = _HALF_HEAD * head.breadth / a if np.isfinite(head.breadth) else np.zeros(a.shape)
    left, right = np.maximum(beside, x0), np.minimum(1 - beside, x1)
    upper, lower = np.maximum(head.above / b, y0), np.minimum(1 - head.length / 2 / b, y1)
    return (left + _MARGIN, right - _MARGIN), (upper + _MARGIN, lower - _MARGIN)


# search


def _best(head: _Head, limits: _Limits, angle: float) -> Crop | None:
    if _EYES in limits.ranges and not head.eyes >= limits.of(_EYES)[0]:
        return None
    (a0, a1), (b0, b1), (s0, s1) = _extents(head, limits)
    if not (a0 <= a1 and b0 <= b1 and s0 <= s1):
        return None
    shapes = np.geomspace(s0, s1, _SHAPES)
    shape, part = (grid.ravel() for grid in np.meshgrid(shapes, np.linspace(0, 1, _SIZES), indexing="ij"))
    low, high = np.maximum(b0, a0 / shape), np.minimum(b1, a1 / shape)
    b = low * (np.maximum(high, low) / low) ** part
    a = b * shape
    x, y = _places(head, limits, a, b)
    right, down = _axes(angle)
    candidates = Rectangles(head.middle, right, down, a, b, x, y)
    possible = (low <= high) & (x[0] <= x[1]) & (y[0] <= y[1]) & candidates.within(head.width, head.height)
    if not possible.any():
        return None
    ideal_b, ideal_shape = _ideal(head, limits, (a0, a1), (b0, b1), (s0, s1))
    shift = candidates.shift(head.width, head.height)
    cost = np.log(b / ideal_b) ** 2 + np.log(shape / ideal_shape) ** 2 + 4 * shift**2
    chosen = int(np.argmin(np.where(possible, cost, np.inf)))
    centre = nearest_centre(candidates, chosen, head.width, head.height)
    return None if centre is None else _in_whole_px(head, limits, angle, float(a[chosen]), float(b[chosen]), centre)


def _ideal(head: _Head, limits: _Limits, a: Any, b: Any, shape: Any) -> tuple[float, float]:
    """Height (px of the picture) and aspect in the middle of the limits; those of the picture where there are none."""
    high = limits.of(_LENGTH)
    wide = limits.of(_WIDTH)
    best_b = 2 * head.length / sum(high) if np.isfinite(sum(high)) and sum(high) else float(head.height)
    aspect = limits.of(_ASPECT)
    if np.isfinite(sum(aspect)):
        best_shape = sum(aspect) / 2
    elif np.isfinite(sum(wide)) and np.isfinite(head.breadth):
        best_shape = 2 * head.breadth / sum(wide) / best_b
    else:
        best_shape = head.width / head.height
    if _LENGTH not in limits.ranges and np.isfinite(sum(wide)) and np.isfinite(head.breadth):
        best_b = 2 * head.breadth / sum(wide) / best_shape
    best_shape = float(np.clip(best_shape, *shape))
    return float(np.clip(best_b, max(b[0], a[0] / best_shape), max(b[0], min(b[1], a[1] / best_shape)))), best_shape


def _in_whole_px(head: _Head, limits: _Limits, angle: float, a: float, b: float, centre: NDArray[np.float64]) -> Crop:
    """The crop of a rectangle, less than one px of the result smaller, with M at the same share of its sides."""
    scale = min(1.0, limits.of("image_width")[1] / a, limits.of("image_height")[1] / b)
    right, down = _axes(angle)
    # The addition keeps 1199.9999999 from becoming 1199.
    width, height = int(a * scale + 1e-6), int(b * scale + 1e-6)
    offset = centre - head.middle
    x, y = float(offset @ right) * (width / scale / a), float(offset @ down) * (height / scale / b)
    middle = head.middle + x * right + y * down
    half = width / scale / 2 * right, height / scale / 2 * down
    corners = tuple(
        (float(point[0]), float(point[1]))
        for point in (middle + u * half[0] + v * half[1] for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    )
    return Crop((float(middle[0]), float(middle[1])), float(angle), float(scale), width, height, corners)


# why there is none


def _why_none(head: _Head, limits: _Limits, angle: float) -> str:
    least = limits.of(_EYES)[0]
    if _EYES in limits.ranges and not head.eyes >= least:
        if np.isnan(head.eyes):
            return "the distance of the eyes was not measured"
        # rounded apart: 119.6 of 120 px are no 120
        return f"the eyes are {floor(head.eyes)} px apart and {ceil(least)} px are required; enlarging adds no detail"
    a, b, shape = _extents(head, limits)
    if a[0] > a[1] or b[0] > b[1] or shape[0] > shape[1]:
        small = _Limits({n: r for n, r in limits.ranges.items() if n not in ("image_width", "image_height", _EYES)})
        wide, high, form = _extents(head, small)
        if wide[0] > wide[1] or high[0] > high[1] or form[0] > form[1]:
            return "no rectangle meets the limits on head length, head width and aspect for a head of this shape"
        return "the head has too few pixels: a crop of the required size would show it too small"
    return _missing_room(head, limits, angle, a, b, shape)


def _missing_room(head: _Head, limits: _Limits, angle: float, a: Any, b: Any, shape: Any) -> str:
    """A sentence on which sides the smallest rectangle leaves the picture, and by how many px."""
    high = np.array([max(b[0], a[0] / shape[1])])
    wide = np.clip(high * shape[1], a[0], a[1])
    right, down = _axes(angle)
    least = Rectangles(head.middle, right, down, wide, high, *_places(head, limits, wide, high))
    missing = least.overhang(head.width, head.height)
    sides = [f"{px:.0f} px on the {side}" for side, px in missing.items() if px >= 0.5]
    return "the picture ends too close to the head" + (f": about {' and '.join(sides)} are missing" if sides else "")
