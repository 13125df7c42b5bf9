"""Rectangles around a point, possibly rotated: which of them fit into a picture, and where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Range = tuple[Floats, Floats]
_TOLERANCE = 1e-6  # px


@dataclass(frozen=True, slots=True)
class Rectangles:
    """n rectangles of one direction, and where a given point may lie in each of them.

    Attributes
    ----------
    point : (2,) px of the picture.
    right, down : (2,) unit vectors of the rectangles' x and y in the picture.
    wide, high : (n,) sides, px of the picture.
    x, y : Smallest and largest distance, each (n,), of the point from the left and from the top, as shares of the side.
    """

    point: Floats
    right: Floats
    down: Floats
    wide: Floats
    high: Floats
    x: Range
    y: Range

    @property
    def middle(self) -> Floats:
        """(n, 2) centres of the rectangles, px of the picture, with the point in the middle of its allowed range."""
        u, v = (0.5 - (self.x[0] + self.x[1]) / 2) * self.wide, (0.5 - (self.y[0] + self.y[1]) / 2) * self.high
        return self.point + u[:, None] * self.right + v[:, None] * self.down

    @property
    def freedom(self) -> Floats:
        """(n, 2) largest distance of the centre from ``middle`` along x and y of the rectangle, px."""
        return np.stack(
            [(self.x[1] - self.x[0]) / 2 * self.wide, (self.y[1] - self.y[0]) / 2 * self.high], axis=1
        ).clip(0)

    @property
    def reach(self) -> Floats:
        """(n, 2) half extents of the rectangles along x and y of the picture, px."""
        return (self.wide[:, None] * np.abs(self.right) + self.high[:, None] * np.abs(self.down)) / 2

    def within(self, width: float, height: float) -> NDArray[np.bool_]:
        """(n,) whether the rectangle fits into a picture of this size.

        The allowed centres fill a rectangle, and those at which it fits fill an upright one. The two overlap when their
        projections on all four directions do (separating axis theorem).
        """
        picture = np.array([width, height]) / 2
        room = picture - self.reach + _TOLERANCE
        away, free = self.middle - picture, self.freedom
        turned = np.stack([self.right, self.down])
        along = away @ turned.T
        met = (np.abs(away) <= room + free @ np.abs(turned)) & (np.abs(along) <= free + room @ np.abs(turned).T)
        return (room >= 0).all(axis=1) & met.all(axis=1)

    def shift(self, width: float, height: float) -> Floats:
        """(n,) how far, about, the centre must move from ``middle`` to fit, as a share of the height."""
        reach, size = self.reach, np.array([width, height])
        fitting = np.clip(self.middle, np.minimum(reach, size / 2), np.maximum(size - reach, size / 2))
        return np.linalg.norm(fitting - self.middle, axis=1) / self.high

    def overhang(self, width: float, height: float) -> dict[str, float]:
        """Px by which the first rectangle exceeds the picture on each side, at its best allowed position."""
        reach, size = self.reach[0], np.array([width, height])
        away = np.clip(self.middle[0], np.minimum(reach, size / 2), np.maximum(size - reach, size / 2)) - self.middle[0]
        x, y = (
            float(np.clip(away @ axis, -most, most))
            for axis, most in zip((self.right, self.down), self.freedom[0], strict=True)
        )
        centre = self.middle[0] + x * self.right + y * self.down
        low, high = reach - centre, centre + reach - size
        return {"left": float(low[0]), "right": float(high[0]), "top": float(low[1]), "bottom": float(high[1])}


def nearest_centre(rectangles: Rectangles, index: int, width: float, height: float) -> Floats | None:
    """(2,) allowed centre nearest to ``middle`` at which a rectangle lies in the picture; None when there is none."""
    middle, free, reach = rectangles.middle[index], rectangles.freedom[index], rectangles.reach[index]
    corners = [
        middle + u * free[0] * rectangles.right + v * free[1] * rectangles.down
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    for axis, most in ((0, width), (1, height)):
        corners = _clipped(corners, axis, 1.0, reach[axis] - _TOLERANCE)
        corners = _clipped(corners, axis, -1.0, reach[axis] - most - _TOLERANCE)
    if not corners:
        return None
    size = np.array([width, height])
    if (middle >= reach - _TOLERANCE).all() and (middle <= size - reach + _TOLERANCE).all():
        return middle
    edges = zip(corners, [*corners[1:], corners[0]], strict=True)
    return min((_on_edge(middle, one, other) for one, other in edges), key=lambda p: float(np.linalg.norm(p - middle)))


def _clipped(corners: list[Floats], axis: int, sign: float, least: float) -> list[Floats]:
    """The part of a convex polygon where ``sign * p[axis] >= least`` (Sutherland and Hodgman, 1974)."""
    found: list[Floats] = []
    for one, other in zip(corners, [*corners[1:], *corners[:1]], strict=True):
        a, b = sign * one[axis] - least, sign * other[axis] - least
        if a >= 0:
            found.append(one)
        if (a >= 0) != (b >= 0):
            found.append(one + (other - one) * (a / (a - b)))
    return found


def _on_edge(point: Floats, one: Floats, other: Floats) -> Floats:
    along = other - one
    length = float(along @ along)
    part = 0.0 if length == 0 else float(np.clip((point - one) @ along / length, 0, 1))
    return one + part * along
