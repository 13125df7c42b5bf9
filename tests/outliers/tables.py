"""Generated face profiles: ordinary pictures with a few planted errors."""

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds


def portraits(n: int = 1000, seed: int = 0) -> dict[str, np.ndarray]:
    """Columns of n ordinary portraits; ipd and iso_inter_eye_distance move together."""
    r = np.random.default_rng(seed)
    distance = r.normal(120, 10, n)
    return {
        "row": np.arange(n),
        "file": np.array([f"data/set/{i:05}.jpg" for i in range(n)]),
        "status": np.array(["ok"] * n, object),
        "confidence": r.beta(20, 2, n),
        "ipd": distance.round(),
        "iso_inter_eye_distance": distance * 1.01 + r.normal(0, 0.5, n),
        "yaw_degree": r.normal(0, 4, n),
        "pitch_degree": r.normal(5, 4, n),
        "roll_degree": r.normal(0, 2, n),
        "brightness": r.gamma(9, 14, n),
        "sharpness": r.lognormal(5, 0.6, n),
        "smile": r.random(n) < 0.4,
        "glasses": r.random(n) < 0.02,
        "eye_closed_left": r.random(n) < 0.02,
    }


def dataset(columns: dict[str, np.ndarray], **types: pa.DataType) -> ds.Dataset:
    """Columns as profiles; NaN becomes null."""
    return ds.dataset(pa.table({k: pa.array(v, types.get(k), from_pandas=True) for k, v in columns.items()}))
