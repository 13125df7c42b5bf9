"""From native values to the 0..100 component values of ISO/IEC 29794-5, as OFIQ maps them.

Each function is the mapping of one measure; higher is better. Its docstring names the clause of ISO/IEC 29794-5:2025
and the native value ``x``. T is the distance from the eye midpoint to the chin.
"""

from math import cos, exp, floor, pi, radians, sin


def rounded(value: float) -> int:
    """Nearest integer, halves upwards, clipped to 0..100."""
    return min(max(floor(value + 0.5), 0), 100)


def sigmoid(x: float, x0: float, w: float) -> float:
    """Logistic function: 0.5 at ``x0``, rising over a width ``w``."""
    z = (x0 - x) / w
    return 1 / (1 + exp(z)) if z < 700 else 0.0


def _scaled(x: float, x0: float, w: float, h: float = 100.0, a: float = 0.0, s: float = 1.0) -> int:
    return rounded(h * (a + s * sigmoid(x, x0, w)))


def background_uniformity(x: float) -> int:
    """7.3.2; x: mean magnitude of the luminance gradient (Scharr) in the background."""
    return _scaled(x, 10, 100, h=190, a=1, s=-1)


def illumination_uniformity(x: float) -> int:
    """7.3.3; x: overlap of the cheeks' luminance histograms, 0..1."""
    return rounded(100 * x**0.3)


def luminance_mean(x: float) -> int:
    """7.3.4.2; x: mean luminance of the landmarked region, 0..1; best in the middle."""
    return rounded(100 * sigmoid(x, 0.2, 0.05) * (1 - sigmoid(x, 0.8, 0.05)))


def luminance_variance(x: float) -> int:
    """7.3.4.3; x: variance of the luminance, itself 0..1; best at 1/60."""
    return rounded(100 * sin(pi * 60 * x / (60 * x + 1)))


def under_exposure_prevention(x: float) -> int:
    """7.3.5; x: share of dark pixels in the landmarked region, 0..1."""
    return _scaled(x, 0.92, 0.05, h=120, a=0.832, s=-1)


def over_exposure_prevention(x: float) -> int:
    """7.3.6; x: share of bright pixels in the landmarked region, 0..1."""
    return rounded(1 / (x + 0.01))


def dynamic_range(x: float) -> int:
    """7.3.7; x: entropy of the luminance histogram, bits, 0..8."""
    return rounded(12.5 * x)


def natural_colour(x: float) -> int:
    """7.3.10; x: distance of the cheeks' colour from the range of skin, CIELAB."""
    return _scaled(x, 0, 10, h=200, a=1, s=-1)


def single_face_present(x: float) -> int:
    """7.4.2; x: area of the second largest face box divided by that of the largest, 0..1."""
    return rounded(100 * (1 - x))


def eyes_open(x: float) -> int:
    """7.4.3; x: smaller of the lid gaps divided by T."""
    return _scaled(x, 0.02, 0.01)


def mouth_closed(x: float) -> int:
    """7.4.4; x: gap of the inner lips divided by T."""
    return _scaled(x, 0.2, 0.06, a=1, s=-1)


def inter_eye_distance(x: float) -> int:
    """7.4.8; x: distance of the eyes, px, divided by the cosine of yaw."""
    return _scaled(x, 70, 20)


def head_size(x: float) -> int:
    """7.4.9; x: T divided by the picture's height; best at 0.45."""
    return rounded(200 * (1 - sigmoid(abs(x - 0.45), 0, 0.05)))


def sideward_crop_of_the_face_image(x: float) -> int:
    """7.4.10, leftward and rightward; x: distance of the farther eye from the edge, in inter-eye distances."""
    return _scaled(x, 0.9, 0.1)


def margin_above_of_the_face_image(x: float) -> int:
    """7.4.10; x: distance of the eye midpoint from the upper edge divided by T."""
    return _scaled(x, 1.4, 0.1)


def margin_below_of_the_face_image(x: float) -> int:
    """7.4.10; x: distance of the eye midpoint from the lower edge divided by T."""
    return _scaled(x, 1.8, 0.1)


def head_pose(degrees: float) -> int:
    """7.4.11, yaw, pitch and roll."""
    return rounded(100 * max(0.0, cos(radians(degrees))) ** 2)


MAPPINGS = {
    "background_uniformity": background_uniformity,
    "illumination_uniformity": illumination_uniformity,
    "luminance_mean": luminance_mean,
    "luminance_variance": luminance_variance,
    "under_exposure_prevention": under_exposure_prevention,
    "over_exposure_prevention": over_exposure_prevention,
    "dynamic_range": dynamic_range,
    "natural_colour": natural_colour,
    "single_face_present": single_face_present,
    "eyes_open": eyes_open,
    "mouth_closed": mouth_closed,
    "inter_eye_distance": inter_eye_distance,
    "head_size": head_size,
    "leftward_crop_of_the_face_image": sideward_crop_of_the_face_image,
    "rightward_crop_of_the_face_image": sideward_crop_of_the_face_image,
    "margin_above_of_the_face_image": margin_above_of_the_face_image,
    "margin_below_of_the_face_image": margin_below_of_the_face_image,
    "head_pose_yaw": head_pose,
    "head_pose_pitch": head_pose,
    "head_pose_roll": head_pose,
}


def component(name: str, native: float | None) -> dict[str, float | int | None]:
    """Columns ``iso_<name>`` and ``iso_<name>_score`` of a native value; both None when it could not be computed."""
    score = None if native is None else MAPPINGS[name](native)
    return {f"iso_{name}": native, f"iso_{name}_score": score}
