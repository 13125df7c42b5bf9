"""Crops beside the best one that meet the same limits: the measured pose depends a little on the window around a head.

The pixels of the head are the same in each; the face detector's box is not, and yaw and pitch read 0.2 to 0.5 degrees
apart. A picture whose pose passes by less than that may be borderline in one window and pass in another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bqat_pipeline.requirements.crop import Crop, cropped, head_above
from bqat_pipeline.requirements.evaluate import OUTCOMES, evaluate_row
from bqat_pipeline.requirements.rule_set import RuleSet

# Size as a share of the best crop's, and how far the centre is moved to the right and down, as shares of its sides.
_CHANGES = ((1.03, 0, 0), (0.97, 0, 0), (1.06, 0, 0), (0.94, 0, 0), (1, 0, -0.02), (1, 0, 0.02))
MOST = len(_CHANGES)
_TOLERANCE = 1e-6  # px


def other_crops(rules: RuleSet, row: Mapping[str, Any], size: tuple[int, int], crop: Crop) -> Iterator[Crop]:
    """Up to ``MOST`` crops near a planned one, as fixed beforehand, that by calculation meet every limit that it meets.

    None is enlarged, leaves the picture, cuts the head, or leaves less of what is above it than the planned one.

    Parameters
    ----------
    rules, row, size : As for ``plan_crop``.
    crop : What it planned.
    """
    planned = evaluate_row(rules, cropped(row, size, crop)).results
    for factor, right, down in _CHANGES:
        other = _changed(crop, factor, right, down)
        if other is None or not _inside(other, size) or not _keeps_the_head(row, size, crop, other):
            continue
        found = evaluate_row(rules, cropped(row, size, other)).results
        if all(OUTCOMES.index(found[name]) <= OUTCOMES.index(planned[name]) for name in planned):
            yield other


def _changed(crop: Crop, factor: float, right: float, down: float) -> Crop | None:
    """The crop at another size or place; None where it would be enlarged.

    One that is reduced keeps its number of px, and a window of another size is reduced by another factor.
    """
    width, height, scale = crop.width, crop.height, crop.scale
    if scale < 1:
        scale /= factor
    else:
        width, height = int(width * factor), int(height * factor)
    if scale > 1:
        return None
    corners = np.array(crop.corners)
    across, along = corners[1] - corners[0], corners[3] - corners[0]
    x, y = across / np.linalg.norm(across), along / np.linalg.norm(along)
    centre = np.array(crop.centre) + right * across + down * along
    half = width / scale / 2 * x, height / scale / 2 * y
    moved = (centre + u * half[0] + v * half[1] for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    return replace(
        crop,
        centre=(float(centre[0]), float(centre[1])),
        scale=float(scale),
        width=width,
        height=height,
        corners=tuple((float(point[0]), float(point[1])) for point in moved),
    )


def _inside(crop: Crop, size: tuple[int, int]) -> bool:
    corners = np.array(crop.corners)
    return bool((corners >= -_TOLERANCE).all() and (corners <= np.array(size) + _TOLERANCE).all())


def _keeps_the_head(row: Mapping[str, Any], size: tuple[int, int], crop: Crop, other: Crop) -> bool:
    before, after = cropped(row, size, crop), cropped(row, size, other)
    for name in ("aux_side_room", "aux_chin_room"):
        value = after[name]
        if value is not None and value < min(0.05 if "side" in name else 0.0, before[name]):
            return False
    room, least = (r["aux_face_position_y"] * c.height / c.scale for r, c in ((after, other), (before, crop)))
    return bool(room >= min(head_above(row, size), least) - _TOLERANCE)
