"""What to look for and how: options of outlier detection, checked when made."""

from dataclasses import dataclass
from typing import Literal, get_args

DetectorName = Literal["tail", "ECOD", "CBLOF", "IForest", "KNN", "COPOD", "PCA"]
# Order and spelling of `GET /scan/detectors`.
WIRE_DETECTORS: tuple[DetectorName, ...] = ("ECOD", "CBLOF", "IForest", "KNN", "COPOD", "PCA")
# Columns of a face data set when a client names none (BQAT API).
WIRE_COLUMNS = ("confidence", "ipd", "yaw_degree", "pitch_degree", "roll_degree")

# 200,000 rows: same flags as a fit on a million (Jaccard 0.994 at a cut of 0.1 %), benchmarks/outliers.py.
SAMPLE_ROWS = 200_000


class DetectorError(ValueError):
    """A detector cannot work with these options or data; the message says why."""


def _check(detector: str, contamination: float | None) -> None:
    if detector not in get_args(DetectorName):
        raise DetectorError(f"there is no detector {detector!r}; known are {', '.join(get_args(DetectorName))}")
    if contamination is not None and not 0 < contamination <= 0.5:
        raise DetectorError(f"contamination is {contamination:g}; it must lie above 0 and at most at 0.5")


@dataclass(frozen=True, slots=True)
class OutlierOptions:
    """Options of the pipeline's outliers.

    Attributes
    ----------
    detector : ``tail`` explains itself; the others are those of the BQAT API and give no reasons.
    columns : Columns to look at; None: every measure of the registry that the profiles have, but those that follow
        the tone of the skin (``Column.follows_skin_tone``).
    rate : For ``tail``: share of ordinary pictures that may be flagged as unusual at most.
    contamination : Flag this share of the pictures, whatever their scores; None: use ``rate``
        (0.05 for detectors other than ``tail``).
    sample : Rows that the model is fitted on at most, drawn with ``seed``.
    seed : Seed of everything random.
    top : Pictures listed in ``outliers.json``, most unusual first.
    """

    detector: DetectorName = "tail"
    columns: tuple[str, ...] | None = None
    rate: float = 0.01
    contamination: float | None = None
    sample: int = SAMPLE_ROWS
    seed: int = 0
    top: int = 200

    def __post_init__(self) -> None:
        _check(self.detector, self.contamination)
        if not 0 < self.rate < 0.5:
            raise DetectorError(f"rate is {self.rate:g}; it must lie between 0 and 0.5 (BQAT_OUTLIER_RATE)")
        if self.sample < 100:
            raise DetectorError(f"sample is {self.sample}; it must be at least 100")


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Options of `POST /scan/{id}/outliers/detect`.

    Attributes
    ----------
    detector : One of ``WIRE_DETECTORS``, or ``tail``.
    columns : Columns to use; None or empty: ``WIRE_COLUMNS``. Profiles that have none of those (another engine's) are
        judged by all their measures.
    contamination : Share of the pictures to return; the BQAT API takes up to 1 and fails above 0.5, as here.
    """

    detector: DetectorName = "ECOD"
    columns: tuple[str, ...] | None = None
    contamination: float = 0.05

    def __post_init__(self) -> None:
        _check(self.detector, self.contamination)
