"""Whether automatic recognition will work with the picture. Own measure, a function of other measures.

Trees estimate how far a recognition network's template of the picture lies from one of a good picture of the same
person; the distance becomes the probability that both match at a false match rate of 0.1 %. They were fitted by
``benchmarks/calibration/fit_utility.py``; figures are in docs/measures.md. Measures that follow the tone of the skin
are no features.
"""

from collections.abc import Mapping
from math import exp, log2

from bqat_pipeline.face.trees import trees

# Of the logistic function of the distance; from fit_utility.py.
_BIAS, _SLOPE = 11.85, -31.63

# Features, and whether the distance never rises (-1) or never falls (1) with them; 0: it may do both.
_DIRECTIONS = {
    "eye_distance": -1,  # logarithm to base 2, px
    "detail": -1,  # effective eye distance, logarithm to base 2, px
    "blur": 1,  # logarithm to base 2, % of the eye distance
    "compression": -1,  # tenths of the structural similarity
    "sharpness": 0,  # logarithm to base 2
    "yaw": 1,  # degrees, either side
    "pitch": 1,
    "roll": 0,
    "residual": 1,  # hundredths of the eye distance
    "detection": -1,  # tenths, as the next ones
    "light_zones": 0,
    "eye_closed": 0,
    "mouth_open": 0,
    "glasses": 0,
    "overexposed": 1,  # percent
    "levels": 0,  # logarithm to base 2
    "grey": 0,
}
FEATURES = tuple(_DIRECTIONS)
MONOTONIC = tuple(_DIRECTIONS.values())


def measure(values: Mapping[str, object]) -> Mapping[str, object]:
    """Estimated probability of a match, percent."""
    found = features(values)
    return {"aux_utility": None if found is None else 100 * probability(trees("utility").sum(found))}


def probability(distance: float) -> float:
    """Share of the pictures at an estimated distance that match."""
    return 1 / (1 + exp(-min(max(_BIAS + _SLOPE * distance, -60.0), 60.0)))


def features(values: Mapping[str, object]) -> list[float] | None:
    """Features of the model from columns by name; None where blur is not known: the face is too small or flat."""

    def number(name: str, missing: float = 0.0) -> float:
        value = values.get(name)
        return missing if value is None else float(value)  # type: ignore[arg-type]

    if values.get("aux_blur") is None or values.get("aux_eye_distance") is None:
        return None
    distance = number("aux_eye_distance")
    return [
        _log(distance),
        _log(number("aux_effective_eye_distance", distance)),
        _log(number("aux_blur")),
        10 * number("aux_compression_ssim", 1.0),
        _log(number("aux_sharpness")),
        abs(number("iso_head_pose_yaw")),
        abs(number("iso_head_pose_pitch")),
        abs(number("iso_head_pose_roll")),
        100 * number("aux_mesh_residual"),
        10 * number("confidence"),
        10 * number("aux_light_zones_ratio", 1.0),
        10 * max(number("aux_eye_closed_score_right"), number("aux_eye_closed_score_left")),
        10 * number("aux_mouth_open_score"),
        10 * number("aux_glasses_score"),
        100 * number("iso_over_exposure_prevention"),
        _log(number("aux_intensity_levels")),
        number("aux_is_grey"),
    ]


def _log(number: float) -> float:
    return log2(max(number, 1e-3))
