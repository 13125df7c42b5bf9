"""Whether the shoulders are level and square to the camera (ISO/IEC 39794-5: no portrait style)."""

from collections.abc import Mapping
from math import atan2, degrees

import numpy as np

from bqat_pipeline.face.context import FaceContext

_PERSON = 0.5  # probability from which a pixel belongs to the person
_STEEP = 30.0  # degrees of roll from which the shoulders are not looked for below the chin
_HIGHEST = 0.6  # eye-to-chin distances above the chin up to which a shoulder may reach
_BESIDE = (0.5, 1.5)  # head widths beside the chin between which the shoulders are compared
_CLEAR = 3  # rows of background that must be seen above a shoulder
_FEW = 0.15  # head widths of shoulder that must be seen on both sides


def measure(context: FaceContext) -> Mapping[str, object]:
    """Slope of the line through both shoulders; None when they are not seen."""
    return {"aux_shoulder_tilt": shoulder_tilt(context)}


def shoulder_tilt(context: FaceContext) -> float | None:
    """Angle of the line through both shoulders, deg; above 0 the shoulder on the image right is higher.

    The outlines of both shoulders are compared at equal distances from the chin. A body that is turned shows a higher
    and nearer shoulder on one side, so that the angle tells of turned and of sloping shoulders alike.
    """
    frame = context.head
    if frame is None or abs(context.pose.roll) > _STEEP:
        return None
    person = context.person
    (sx, _, ox), (_, sy, oy) = person.matrix
    chin_x, chin_y = (float(v) for v in context.geometry.chin * (sx, sy) + (ox, oy))
    first = max(round(chin_y - _HIGHEST * frame.length * sy), 0)
    part = person.probability[first:]
    low, high = (share * frame.width * sx for share in _BESIDE)
    away = np.arange(low, min(high, chin_x, part.shape[1] - 1 - chin_x))
    if part.shape[0] <= _CLEAR or not away.size:
        return None
    upper = upper_edge(part)
    left, right = (upper[np.rint(chin_x + side * away).astype(int)] for side in (-1, 1))
    seen = np.isfinite(left) & np.isfinite(right)
    if np.count_nonzero(seen) < max(_FEW * frame.width * sx, 2):
        return None
    rise = float((left - right)[seen].sum()) / sy
    return degrees(atan2(rise, float(2 * away[seen].sum()) / sx))


def upper_edge(probability: np.ndarray) -> np.ndarray:
    """(w,) row at which the person at the lower edge begins, between two rows where the probability is 0.5.

    NaN in columns without a person at the lower edge, and where no background is seen right above.

    Parameters
    ----------
    probability : (h, w) of a person, 0..1.
    """
    h, w = probability.shape
    background = probability < _PERSON
    columns = np.arange(w)
    start = h - np.argmax(background[::-1], axis=0)  # row below the lowest background
    clear = background.any(axis=0) & ~background[-1] & (start >= _CLEAR)
    for above in range(2, _CLEAR + 1):
        clear &= background[np.maximum(start - above, 0), columns]
    start = np.where(clear, start, 1)
    outside, inside = probability[start - 1, columns], probability[start, columns]
    share = (_PERSON - outside) / np.maximum(inside - outside, 1e-6)
    return np.where(clear, start - 1 + share, np.nan)
