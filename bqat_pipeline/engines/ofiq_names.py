"""OFIQ's measure names, of both generations, and its table of results."""

import csv
import io
import re
from collections.abc import Mapping
from math import isfinite

from bqat_pipeline.columns.iso import COMPONENT_NAMES
from bqat_pipeline.engines.base import Row

# Names of OFIQ 1.2 and later (ISO/IEC TR 25722), and of builds before 1.0, where they differ from those of OFIQ 1.0.
_OTHER_NAMES = {
    "NoCompressionArtifacts": "compression_artifacts",
    "LeftwardCropOfFace": "leftward_crop_of_the_face_image",
    "RightwardCropOfFace": "rightward_crop_of_the_face_image",
    "MarginAboveTheFace": "margin_above_of_the_face_image",
    "MarginBelowTheFace": "margin_below_of_the_face_image",
    "UpwardCropOfTheFaceImage": "margin_above_of_the_face_image",
    "DownwardCropOfTheFaceImage": "margin_below_of_the_face_image",
    "HeadPoseYawFrontal": "head_pose_yaw",
    "HeadPosePitchFrontal": "head_pose_pitch",
    "HeadPoseRollFrontal": "head_pose_roll",
}
_SUFFIXES = (".scalar", ".native", ".raw")


class ResultTableError(ValueError):
    """OFIQ's table of results is not understood."""


def component(name: str) -> str | None:
    """Our name of a measure that OFIQ names in any generation, or None for what is no single measure."""
    snake = _OTHER_NAMES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return snake if snake in COMPONENT_NAMES else None


def columns_of(measures: Mapping[str, tuple[float | None, float | None]]) -> Row:
    """Columns of one picture.

    Parameters
    ----------
    measures : OFIQ's name to (native value, component value). A component value below 0 or None means that the measure
        failed: both become None.
    """
    row: Row = {}
    for name in COMPONENT_NAMES:
        row[name] = row[f"{name}_scalar"] = None
    for name, (native, scalar) in measures.items():
        ours = component(name)
        if ours is None or scalar is None or not isfinite(scalar) or scalar < 0:
            continue
        row[f"{ours}_scalar"] = round(scalar)
        row[ours] = float(f"{native:.6g}") if native is not None and isfinite(native) else None
    return row


def is_empty(row: Row) -> bool:
    """Whether OFIQ could assess nothing: it found no face."""
    return all(row[f"{name}_scalar"] is None for name in COMPONENT_NAMES)


def parse_table(text: str) -> dict[str, Row]:
    """File name, as given to OFIQ, to columns.

    The table is separated by semicolons, each line ends with one; ``Name`` is the native value and ``Name.scalar``
    the component value, or ``Name.native`` and ``Name``; further columns (times) are passed over. A picture that
    could not be read has an empty line.

    Raises
    ------
    ResultTableError : when there is no header that names a measure.
    """
    lines = list(csv.reader(io.StringIO(text), delimiter=";", quoting=csv.QUOTE_NONE))
    if not lines or not lines[0]:
        raise ResultTableError("the table is empty")
    header = lines[0]
    places = {name: place for place, name in enumerate(header) if name}
    explicit = any(name.endswith((".native", ".raw")) for name in places)
    measures: dict[str, tuple[int | None, int | None]] = {}
    for name in places:
        plain = name
        for suffix in _SUFFIXES:
            plain = plain.removesuffix(suffix)
        if component(plain) is None or plain in measures:
            continue
        native = next((places[n] for n in (f"{plain}.native", f"{plain}.raw") if n in places), None)
        scalar = places.get(f"{plain}.scalar")
        if native is None and not explicit:
            native = places.get(plain)
        if scalar is None and explicit:
            scalar = places.get(plain)
        measures[plain] = (native, scalar)
    if not measures:
        raise ResultTableError(f"the header names no measure: {';'.join(header)[:200]}")
    return {
        line[0]: columns_of({name: (_number(line, a), _number(line, b)) for name, (a, b) in measures.items()})
        for line in lines[1:]
        if line and line[0]
    }


def _number(line: list[str], place: int | None) -> float | None:
    try:
        # some builds write a decimal comma for spreadsheets
        return float(line[place].replace(",", ".")) if place is not None else None
    except (IndexError, ValueError):
        return None
