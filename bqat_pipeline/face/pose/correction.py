"""What the corrections of yaw and pitch share: their tables, how far they go, and for which faces."""

from importlib.resources import files

import numpy as np

_LIMIT = 12.0  # degrees; larger corrections come from landmarks that are not on a face


def degrees(weights: np.ndarray, values: np.ndarray, share: float) -> float:
    """Degrees to add to an angle of the rigid fit (ISO sign).

    Parameters
    ----------
    weights : (n,) degrees per unit of each feature.
    values : (n,) features.
    share : Share of the correction that the face gets, 0..1.
    """
    return share * min(max(float(weights @ values), -_LIMIT), _LIMIT)


def trust(eye_distance: float, none: float, full: float) -> float:
    """Share of the correction, 0..1, that a face of this size gets: in small ones the net's jitter outweighs shape.

    Parameters
    ----------
    eye_distance : Distance of the eyes, px, as if the face were seen from the front.
    none, full : The distance up to which there is no correction, and from which all of it is applied; px.
    """
    return min(max((eye_distance - none) / (full - none), 0.0), 1.0)


def table(name: str) -> np.ndarray:
    """(m, k) weights of a file of ``face/data``: a line for each mirror pair, a column for each kind of feature."""
    text = (files("bqat_pipeline.face") / "data" / name).read_text()
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith(("#", "vertex"))]
    return np.array([[float(v) for v in row[2:]] for row in rows])
