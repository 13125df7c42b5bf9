"""What the corrections of yaw and pitch share: their tables, how far they go, and for which faces."""

from importlib.resources import files

import numpy as np

_LIMIT = 12.0  # degrees; larger corrections come from landmarks that are not on a face
# Distance of the eyes, px, up to which there is no correction (the net's jitter outweighs the shape of the face), and
# from which all of it is applied.
_NONE_TO_FULL = (40.0, 60.0)


def degrees(weights: np.ndarray, values: np.ndarray, eye_distance: float) -> float:
    """Degrees to add to an angle of the rigid fit (ISO sign).

    Parameters
    ----------
    weights : (n,) degrees per unit of each feature.
    values : (n,) features.
    eye_distance : Distance of the eyes, px, as if the face were seen from the front.
    """
    return trust(eye_distance) * min(max(float(weights @ values), -_LIMIT), _LIMIT)


def trust(eye_distance: float) -> float:
    """Share of the correction, 0..1, that a face of this size gets."""
    none, full = _NONE_TO_FULL
    return min(max((eye_distance - none) / (full - none), 0.0), 1.0)


def table(name: str) -> np.ndarray:
    """(m, k) weights of a file of ``face/data``: a line for each mirror pair, a column for each kind of feature."""
    text = (files("bqat_pipeline.face") / "data" / name).read_text()
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith(("#", "vertex"))]
    return np.array([[float(v) for v in row[2:]] for row in rows])
