"""Evenness of the light on the face (29794-5 7.3.3, and the four zones of the ICAO technical report)."""

from collections.abc import Mapping

import cv2
import numpy as np

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.landmarks import CHIN
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.picture.colour import LINEAR

_ZONE = 0.3  # side of a zone in inter-eye distances (ICAO TR Portrait Quality)
_FOREHEAD = 0.6  # centre of the forehead zone above the eyes, in inter-eye distances
_CHIN = 0.25  # centre of the chin zone above the chin, in inter-eye distances

_GAMMA = 2.2  # stored values are about this root of the light
_LINEAR = LINEAR.astype(np.float32)
_LEAST_COLOUR = 0.005  # red less blue in linear light, 0..1, below which noise decides

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
    """Lowest divided by highest light of forehead, cheeks and chin, 0..1; None when one leaves the frame.

    Of the means of the stored values, in the colour channel where it is least, as the ICAO technical report has it; or
    of the light without gloss, where that is more even. Gloss adds the same to all channels of a surface that does not
    conduct (Shafer, Color Research and Application 10, 1985, 210-218): red less blue, in linear light, is free of it.
    It adds as much to dark skin as to light skin, beside far less light that the skin reflects, so that the means
    alone take a shiny forehead for uneven light when the skin is dark.
    """
    parts = [context.aligned.cut(*zone) for zone in light_zones(context) or ()]
    if not parts or any(part is None or not part.size for part in parts):
        return None
    by_channel = zip(*(cv2.mean(part)[:3] for part in parts), strict=True)
    ratio = min(min(means) / max(*means, 1e-9) for means in by_channel)
    linear = [cv2.mean(cv2.LUT(part, _LINEAR)) for part in parts]
    matt = [red - blue for red, _, blue, _ in linear]
    if min(matt) > 0 and max(matt) >= _LEAST_COLOUR:
        ratio = max(ratio, (min(matt) / max(matt)) ** (1 / _GAMMA))
    return ratio


def _square(centre: np.ndarray, side: int) -> Zone:
    left, upper = (int(v) for v in np.rint(centre - side / 2))
    return left, upper, left + side, upper + side
