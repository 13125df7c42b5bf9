"""Evenness of the light on the face (29794-5 7.3.3, and the four zones of the ICAO technical report)."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.landmarks import CHIN
from bqat_pipeline.face.mapping import component

_ZONE = 0.3  # side of a zone in inter-eye distances (ICAO TR Portrait Quality)
_FOREHEAD = 0.6  # centre of the forehead zone above the eyes, in inter-eye distances
_CHIN = 0.25  # centre of the chin zone above the chin, in inter-eye distances

# Left, upper, right, lower edge, px of the aligned frame.
Zone = tuple[int, int, int, int]


def measure(context: FaceContext) -> Mapping[str, object]:
    """Overlap of the luminance histograms of both cheeks, and the ratio of the darkest to the brightest zone."""
    return {
        **component("illumination_uniformity", cheek_overlap(context)),
        "aux_light_zones_ratio": zone_ratio(context),
    }


def cheek_overlap(context: FaceContext) -> float | None:
    """Overlap of the cheeks' normalised luminance histograms, 0..1: the sum over 256 levels of the smaller share.

    Pixels outside the landmarked region count as black. None when a cheek leaves the aligned frame.
    """
    if context.cheeks is None:
        return None
    shares = []
    for zone in (context.cheeks.img_left, context.cheeks.img_right):
        light, mask = context.face.cut(context.face.luminance, zone), context.face.cut(context.face.mask, zone)
        histogram = cv2.calcHist([light], [0], mask, [256], [0, 256]).ravel().astype(np.float64)
        size = (zone[2] - zone[0]) * (zone[3] - zone[1])
        histogram[0] += size - histogram.sum()
        shares.append(histogram / size)
    return float(np.minimum(*shares).sum())


def light_zones(context: FaceContext) -> tuple[Zone, Zone, Zone, Zone] | None:
    """Forehead, cheek on the image left, cheek on the image right, chin; None when a cheek leaves the frame."""
    g, cheeks = context.aligned_geometry, context.cheeks
    if cheeks is None:
        return None
    side = int(_ZONE * g.eye_distance)
    forehead = g.eye_midpoint - (0, _FOREHEAD * g.eye_distance)
    chin = context.aligned.points[CHIN] - (0, _CHIN * g.eye_distance)
    return _square(forehead, side), cheeks.img_left, cheeks.img_right, _square(chin, side)


def zone_ratio(context: FaceContext) -> float | None:
    """Lowest divided by highest mean of forehead, cheeks and chin, 0..1; the lowest of the three colour channels."""
    means = []
    for zone in light_zones(context) or ():
        part = context.aligned.cut(*zone)
        if part is None or not part.size:
            return None
        means.append(cv2.mean(part)[:3])
    if not means:
        return None
    return min(min(channel) / max(*channel, 1e-9) for channel in zip(*means, strict=True))


def _square(centre: np.ndarray, side: int) -> Zone:
    left, upper = (int(v) for v in np.rint(centre - side / 2))
    return left, upper, left + side, upper + side
