"""The list of what became of each picture of a data set when copies were cropped: ``crops.csv``."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from bqat_pipeline.datasets.csv_files import plain
from bqat_pipeline.requirements.crop import Crop

LIST = "crops.csv"
LIST_COLUMNS = (
    "file",
    "outcome",
    "reason",
    "crop",
    "corners",
    "tilt",
    "scale",
    "width",
    "height",
    "verdict",
    "remaining",
    "verdict_by",
)
Result = Literal["cropped", "as it is", "not possible"]
Basis = Literal["", "measured", "calculated"]


@dataclass(frozen=True, slots=True)
class CropOutcome:
    """What became of one picture.

    Attributes
    ----------
    file : As in the face profiles.
    outcome : Whether the copy is a crop, the picture as it is, or there is none.
    reason : Why there is none; empty otherwise.
    name : Of the copy, below the folder of all copies.
    crop : What was cut out.
    verdict : The copy's verdict.
    verdict_by : Whether the copy itself was measured, or the verdict is a calculation: geometry of the crop, everything
        else as measured in the original.
    new : False for a copy that was there already.
    """

    file: str
    outcome: Result
    reason: str = ""
    name: str = ""
    crop: Crop | None = None
    verdict: str = ""
    verdict_by: Basis = ""
    new: bool = True


def list_line(outcome: CropOutcome) -> list[pa.Array]:
    """One line of the list: arrays (1,) of text, in the order of ``LIST_COLUMNS``."""
    crop = outcome.crop
    numbers = ("",) * 5
    if crop is not None:
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in crop.corners)
        numbers = (corners, f"{crop.angle:.2f}", f"{crop.scale:.4f}", str(crop.width), str(crop.height))
    remaining = "; ".join(crop.remaining) if crop else ""
    beginning = (outcome.file, outcome.outcome, outcome.reason, outcome.name)
    texts = (*beginning, *numbers, outcome.verdict, remaining, outcome.verdict_by)
    signed = LIST_COLUMNS.index("tilt")  # a number: its minus is no formula
    arrays = [pa.array([text], pa.string()) for text in texts]
    return [array if place == signed else plain(array) for place, array in enumerate(arrays)]
