"""Columns of the ISO/IEC 29794-5:2025 quality components: native value and 0..100 score.

Native values follow the formulas that the reference implementation OFIQ uses; `iso_<name>_score` is the
standard's component value. Components that need network weights we do not have are null, with the reason
in the registry: a number of our own never appears under a standard's name.
"""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from bqat_pipeline.columns.model import Column, Direction, Method


@dataclass(frozen=True, slots=True)
class _Component:
    """An entry of ``iso_components.toml``."""

    name: str
    clause: str
    label: str
    native: str
    direction: Direction
    method: Method
    unit: str = ""
    low: float | None = None
    high: float | None = None
    # Of one native value; where it was measured.
    error: float = 0.0
    evidence: str = ""
    reason: str = ""
    # Absolute luminance of the face: of 52 neutral portraits in one studio light the rank correlation with the mean grey
    # of the face is 1.00, 0.84, -0.92 and 0.86 (docs/measures.md, "Skin tone").
    follows_skin_tone: bool = False


_COMPONENTS = tuple(
    _Component(**entry)
    for entry in tomllib.loads((files("bqat_pipeline.columns") / "iso_components.toml").read_text("utf-8"))["component"]
)


def _columns(c: _Component) -> tuple[Column, Column]:
    computable = c.method != "not_computable"
    tone = " Follows the tone of the skin as much as the light." if c.follows_skin_tone else ""
    error = f" Give or take {c.error:g} {c.unit} ({c.evidence})." if c.error else ""
    missing = "" if computable else f" Always null here ({c.reason}); the external engine `ofiq` supplies it."
    native = Column(
        f"iso_{c.name}",
        "float",
        f"ISO/IEC 29794-5 {c.clause} {c.label}, native value: {c.native}.{error}{tone}{missing}",
        unit=c.unit,
        low=c.low,
        high=c.high,
        direction=c.direction,
        group="iso",
        clause=c.clause,
        method=c.method,
        error=c.error,
        evidence=c.evidence,
        label=c.label,
        statistics=computable,
        reason=c.reason,
        wire=computable,
        follows_skin_tone=c.follows_skin_tone,
    )
    score = Column(
        f"iso_{c.name}_score",
        "int",
        f"ISO/IEC 29794-5 {c.clause} {c.label}, component value 0..100, higher is better.{tone}{missing}",
        unit="0..100",
        low=0,
        high=100,
        direction="higher",
        group="iso",
        clause=c.clause,
        method=c.method,
        label=f"{c.label} (score)",
        reason=c.reason,
        wire=computable,
        follows_skin_tone=c.follows_skin_tone,
    )
    return native, score


ISO = tuple(column for component in _COMPONENTS for column in _columns(component))
COMPONENT_NAMES = tuple(c.name for c in _COMPONENTS)
COMPUTABLE = tuple(c.name for c in _COMPONENTS if c.method != "not_computable")
