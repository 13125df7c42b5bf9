"""What one column of a face profile is: name, type, unit, range, direction, description, clause, method."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

ColumnType = Literal["string", "int", "float", "bool", "strings", "boxes", "timestamp"]
Direction = Literal["higher", "lower", "middle", "zero", "none"]
Method = Literal["exact", "approx", "not_computable", "own", "external"]
EngineName = Literal["bqat", "ofiq", "biqt", "fusion"]
Group = Literal["identity", "status", "iso", "aux", "verdict", EngineName]

# What `fusion` is the sum of, in order of precedence, and its default. The BQAT API has no more.
FUSION_CODES: Mapping[EngineName, int] = {"bqat": 4, "ofiq": 2, "biqt": 1}
DEFAULT_FUSION = 6

BOX = pa.struct(
    [("left", pa.int32()), ("upper", pa.int32()), ("right", pa.int32()), ("lower", pa.int32()), ("score", pa.float64())]
)

_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "strings": pa.list_(pa.string()),
    "boxes": pa.list_(BOX),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a face profile.

    Attributes
    ----------
    name : Name in Parquet, REST and report.
    type : One of ``ColumnType``; ``boxes`` is a list of {left, upper, right, lower px, score 0..1}.
    description : One sentence that says side, sign and frame where they matter.
    unit : ``px``, ``deg``, ``0..1``, ``bits``, ... or empty.
    low, high : Closed range of possible values, where there is one.
    direction : ``higher``/``lower`` is better, best in the ``middle`` or at ``zero``, or ``none``.
    group : Where the column comes from.
    clause : Clause of ISO/IEC 29794-5:2025, for ISO components.
    method : How the value relates to its standard: ``exact`` formula, ``approx``, ``not_computable``, ``own``, ``external``.
    error : Error of one measurement, in ``unit``: a value is the true one give or take this much in about two of three
        pictures. 0 where it was not measured. Rule sets take it for the band of a limit that names none.
    evidence : What the error was measured on.
    label : Short name for people.
    wire : Part of the record that the BQAT-compatible routes return.
    statistics : A measure worth a distribution and a drift test (not an id, a path or a box).
    reason : For ``not_computable``: the machine-readable reason for the null.
    of_picture : A measure of the whole picture, whether or not a face is on it.
    follows_skin_tone : The value depends on the tone of the skin as much as on the light. Shown in distributions; no
        shipped requirement rests on it, and outliers look at it only when the column is asked for by name.
    personal : The value shows the person, as a picture does. Kept with the profiles; exports, answers and printed rows
        leave it out unless it is asked for by name.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    direction: Direction = "none"
    group: Group = "bqat"
    clause: str = ""
    method: Method = "own"
    error: float = 0.0
    evidence: str = ""
    label: str = ""
    wire: bool = True
    statistics: bool = False
    reason: str = ""
    of_picture: bool = False
    follows_skin_tone: bool = False
    personal: bool = False

    @property
    def title(self) -> str:
        """Name for people: the label, or the column name in words."""
        return self.label or self.name.removeprefix("aux_").replace("_", " ").capitalize()

    @property
    def arrow_type(self) -> pa.DataType:
        return _ARROW[self.type]

    def arrow_field(self) -> pa.Field:
        """Arrow field whose metadata carries the registry entry."""
        metadata = {
            "description": self.description,
            "unit": self.unit,
            "range": ""
            if self.low is None and self.high is None
            else f"{self.low if self.low is not None else ''}..{self.high if self.high is not None else ''}",
            "direction": self.direction,
            "group": self.group,
            "clause": self.clause,
            "method": self.method,
            "error": f"{self.error:g}" if self.error else "",
            "evidence": self.evidence,
            "reason": self.reason,
            "personal": "yes" if self.personal else "",
        }
        return pa.field(self.name, self.arrow_type, metadata={k: v for k, v in metadata.items() if v})


class ColumnSet:
    """Ordered columns with unique names."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._by_name: dict[str, Column] = {}
        for column in columns:
            if column.name in self._by_name:
                raise ValueError(f"column {column.name} is registered twice")
            self._by_name[column.name] = column

    def __iter__(self) -> Iterator[Column]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Column:
        return self._by_name[name]

    def get(self, name: str) -> Column | None:
        """The column, or None when no such name is registered."""
        return self._by_name.get(name)

    @property
    def names(self) -> list[str]:
        return list(self._by_name)

    def group(self, *groups: Group) -> "ColumnSet":
        """The columns of the named groups, in order."""
        return ColumnSet(c for c in self if c.group in groups)

    def statistics(self) -> "ColumnSet":
        """Measures worth a distribution and a drift test."""
        return ColumnSet(c for c in self if c.statistics)

    def outlier_measures(self) -> "ColumnSet":
        """Measures that outliers look at when none are named: skin tone alone makes nobody an outlier."""
        return ColumnSet(c for c in self if c.statistics and not c.follows_skin_tone)

    def wire(self) -> "ColumnSet":
        """Columns of the record that the BQAT-compatible routes return."""
        return ColumnSet(c for c in self if c.wire)

    @property
    def digest(self) -> str:
        """Digest of names and types, whatever their order."""
        return hashlib.sha256(json.dumps(sorted((c.name, c.type) for c in self)).encode()).hexdigest()[:16]

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema with unit, description, clause and method in the field metadata."""
        return pa.schema([c.arrow_field() for c in self])

    def specification(self) -> dict[str, str]:
        """Column name to description, as ``/specification`` answers it."""
        return {c.name: c.description for c in self.wire()}
