"""Shadow of the head on the background (ISO/IEC 39794-5: no shadows behind the subject)."""

from collections.abc import Mapping
from math import exp

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import composed

_REDUCED = 8  # px of the background image in one px of the map that is judged
_PERSON = 0.5  # probability from which a pixel belongs to the person
_BESIDE = 0.3  # inter-eye distances from the midline of the head from which a pixel lies beside it
_NEAR = (0.08, 0.4)  # inter-eye distances from the outline of the person; nearer pixels show hair and blur
_FEW, _FEW_NEAR = 50, 8  # px of the map; less background (on a side) is not judged
# From px of the map to px of the image.
_TO_IMAGE = np.array([[_REDUCED, 0, (_REDUCED - 1) / 2], [0, _REDUCED, (_REDUCED - 1) / 2]])
_SAMPLES = 4  # pixels that stand for one of the map
_DARK = 4.0  # added to linear luminance (0..255) before its logarithm, so that noise in black does not count
_RIDGE = np.diag([0.0, 1e-6, 1e-6])  # keeps the fit defined where all pixels lie in one line
_ROUNDS, _BELOW, _ABOVE = 3, 1.5, 2.5  # of the fit; residuals kept, in standard deviations below and above
_LEAST_SCATTER = 0.01  # of logarithms
# Scatter about the plane from which the background is not plain, so that a dark part of it need be no shadow.
_PLAIN = 0.1


def measure(context: FaceContext) -> Mapping[str, object]:
    """Share of the light that is missing beside the head; None where there is too little background or none plain."""
    return {"aux_background_shadow": shadow(context)}


def shadow(context: FaceContext) -> float | None:
    """Share of light missing on the darker side of the head, 0..1, against a plane through the lit background.

    The logarithm of luminance falls off evenly over a background in uneven light; a shadow lies below that plane, which
    is fitted with what is darker left out, and next to the outline of the person.
    """
    frame = context.head
    if frame is None:
        return None
    background = _sampled(context.background[1]) == _SAMPLES * 255
    if np.count_nonzero(background) < _FEW:
        return None
    light = np.log(_sampled(context.background_light)[background] + _SAMPLES * _DARK)
    y, x = np.nonzero(background)
    to_picture = composed(cv2.invertAffineTransform(context.to_background), _TO_IMAGE)
    unit = context.geometry.eye_distance
    # From the map to inter-eye distances right of the eyes and above them.
    (right_x, right_y), (up_x, up_y), origin = frame.right.tolist(), frame.up.tolist(), frame.origin
    right_0, up_0 = float(frame.right @ origin), float(frame.up @ origin)
    to_eyes = np.array([[right_x, right_y, -right_0], [up_x, up_y, -up_0]]) / unit
    to_head = composed(to_eyes, to_picture)
    design = np.empty((3, x.size))
    design[0] = 1
    design[1:] = to_head[:, :1] * x + to_head[:, 1:2] * y + to_head[:, 2:]
    left_over, scatter = plane_residuals(design, light)
    if scatter > _PLAIN:
        return None
    size = float(np.hypot(to_picture[0, 0], to_picture[1, 0])) / unit  # of a px of the map
    distance = _from_person(context, to_picture, background.shape)[y, x]
    near = (distance > _NEAR[0] / size) & (distance < _NEAR[1] / size)
    sides = [np.sort(left_over[near & side]) for side in (design[1] < -_BESIDE, design[1] > _BESIDE)]
    depths = [-float(side[side.size // 2]) for side in sides if side.size >= _FEW_NEAR]
    return max(0.0, 1 - exp(-max(depths))) if depths else None


def plane_residuals(design: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Values minus a plane fitted by least squares to those that are not darker, and their scatter about it.

    Parameters
    ----------
    design : (3, n) ones and coordinates.
    values : (n,) logarithms of luminance.
    """
    kept, count = np.ones(values.shape), values.size
    left_over, scatter = values, 0.0
    # Of each pixel what the normal equations sum up over those that are kept: one product a round.
    products = np.concatenate([design, design[1:] * design[1], design[2:] ** 2, design * values])
    for _ in range(_ROUNDS):
        n, x, y, xx, xy, yy, v, xv, yv = (products @ kept).tolist()
        equations = np.array([[n, x, y], [x, xx, xy], [y, xy, yy]]) + _RIDGE
        found, plane = cv2.solve(equations, np.array([[v], [xv], [yv]]), flags=cv2.DECOMP_CHOLESKY)
        if not found:
            break
        left_over = values - plane[:, 0] @ design
        # Of a normal distribution the mean of the absolute values is sqrt(2 / pi) standard deviations.
        scatter = max(1.2533 * float(kept @ np.abs(left_over)) / count, _LEAST_SCATTER)
        near = (left_over > -_BELOW * scatter) & (left_over < _ABOVE * scatter)
        kept, count = near.astype(np.float64), int(np.count_nonzero(near))
        if count < _FEW / 2:
            break
    return left_over, scatter


def _sampled(plane: np.ndarray) -> np.ndarray:
    """(h, w) uint16: sums of four pixels from each square of ``_REDUCED`` px; cheaper than a mean of all."""
    h, w = (n // _REDUCED * _REDUCED for n in plane.shape)
    first, second = _REDUCED // 4, _REDUCED - 1 - _REDUCED // 4
    parts = [plane[y:h:_REDUCED, x:w:_REDUCED] for y in (first, second) for x in (first, second)]
    total: np.ndarray = parts[0].astype(np.uint16)
    for part in parts[1:]:
        total += part
    return total


def _from_person(context: FaceContext, to_picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 distance of each px of the map from the person, px of the map."""
    person = context.person
    to_person = composed(person.matrix, to_picture)
    probability = cv2.warpAffine(
        person.probability,
        to_person,
        shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.distanceTransform((probability < _PERSON).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
