"""The column registry: one description of every column, from which schema, API, docs and report are derived."""

from collections.abc import Iterable
from functools import cache

import pyarrow as pa

from bqat_pipeline.columns.auxiliary import AUX
from bqat_pipeline.columns.bqat import BQAT
from bqat_pipeline.columns.external import EXTERNAL, OFIQ_FUSED
from bqat_pipeline.columns.identity import (
    DOUBTFUL,
    IDENTITY,
    MEASURED,
    READ,
    STATUS,
    STATUS_TITLES,
    STATUSES,
    VERDICT,
)
from bqat_pipeline.columns.iso import ISO
from bqat_pipeline.columns.model import DEFAULT_FUSION, FUSION_CODES, Column, ColumnSet, EngineName

# Raised when a column changes its name, type or meaning; stored in every Parquet file and manifest.
SCHEMA_VERSION = 1

FACE = ColumnSet((*IDENTITY, *STATUS, *VERDICT, *BQAT, *ISO, *AUX))

_BY_ENGINE: dict[str, ColumnSet] = {
    "bqat": FACE,
    **{name: ColumnSet((*IDENTITY, *STATUS, *columns)) for name, columns in EXTERNAL.items()},
}

# Position of a profile in its data set, given when parts are compacted: stable order and paging cursor.
ROW_FIELD = pa.field(
    "row", pa.int64(), metadata={"description": "Position in the data set; stable within a generation."}
)


@cache
def columns_for(engine: str = "bqat", fusion: int | None = None) -> ColumnSet:
    """The columns of a data set that was scanned with an engine.

    Parameters
    ----------
    engine : One of ``EngineName``.
    fusion : For ``fusion``: sum of 4 (bqat), 2 (ofiq), 1 (biqt); None or 0: 6. Beside bqat, those names of ofiq that bqat uses for
        something else begin with ``ofiq_``; a size that both report is bqat's.

    Raises
    ------
    KeyError : when there is no such engine.
    """
    if engine != "fusion":
        return _BY_ENGINE[engine]
    fusion = fusion or DEFAULT_FUSION
    merged: dict[str, Column] = {}
    for name, code in FUSION_CODES.items():
        if fusion & code:
            beside_bqat = name == "ofiq" and fusion & FUSION_CODES["bqat"]
            columns = (*IDENTITY, *STATUS, *OFIQ_FUSED) if beside_bqat else _BY_ENGINE[name]
            for column in columns:
                merged.setdefault(column.name, column)
    return ColumnSet(merged.values())


def _all_columns() -> ColumnSet:
    merged: dict[str, Column] = {}
    for columns in (columns_for("fusion", sum(FUSION_CODES.values())), *_BY_ENGINE.values()):
        for column in columns:
            merged.setdefault(column.name, column)
    return ColumnSet(merged.values())


# Every column that a profile may have, whatever its engine; a name that several engines use is that of `fusion`.
ALL_COLUMNS = _all_columns()

# Columns whose values show a person, as a picture does.
PERSONAL = frozenset(column.name for column in ALL_COLUMNS if column.personal)


def without_personal(names: Iterable[str]) -> list[str]:
    """The columns that are handed out when nobody asked for others by name: those that show no person."""
    return [name for name in names if name not in PERSONAL]


__all__ = [
    "ALL_COLUMNS",
    "DEFAULT_FUSION",
    "DOUBTFUL",
    "FACE",
    "FUSION_CODES",
    "MEASURED",
    "PERSONAL",
    "READ",
    "ROW_FIELD",
    "SCHEMA_VERSION",
    "STATUSES",
    "STATUS_TITLES",
    "Column",
    "ColumnSet",
    "EngineName",
    "columns_for",
    "without_personal",
]
