"""Several engines on the same pictures, merged into one row."""

import hashlib
from collections.abc import Mapping, Sequence

from bqat_pipeline.columns import FUSION_CODES, MEASURED, EngineName, columns_for
from bqat_pipeline.columns.external import OFIQ, OFIQ_FUSED
from bqat_pipeline.engines.base import Engine, Row, Source, require


class FusionEngine:
    """Rows of several engines.

    Columns and names as in ``columns_for("fusion", code)``: where names clash, the one that comes first in bqat, ofiq,
    biqt has it, and those of ofiq that mean something else begin with ``ofiq_``. The status is that of the first
    engine; what the others could not do is in ``warnings`` (``ofiq_no_face``).

    Parameters
    ----------
    members : Name to engine, at least two.
    """

    def __init__(self, members: Mapping[EngineName, Engine]) -> None:
        self.members = {name: members[name] for name in FUSION_CODES if name in members}
        self.code = sum(FUSION_CODES[name] for name in self.members)
        self._columns = columns_for("fusion", self.code)

    @property
    def fingerprint(self) -> str:
        """Digest of the members' fingerprints."""
        require(self)
        joined = " ".join(f"{name}={engine.fingerprint}" for name, engine in self.members.items())
        return f"fusion-{hashlib.sha256(joined.encode()).hexdigest()[:16]}"

    def missing(self) -> str | None:
        """None when all members can be used here, else what is missing."""
        return "; ".join(m for m in (engine.missing() for engine in self.members.values()) if m) or None

    def analyse(self, source: Source) -> Row:
        """The row of one picture; see ``analyse_batch``."""
        return self.analyse_batch([source])[0]

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One merged row for each source, in order; never raises for a bad picture."""
        by_engine = {name: engine.analyse_batch(sources) for name, engine in self.members.items()}
        return [
            self._merged({name: rows[position] for name, rows in by_engine.items()}) for position in range(len(sources))
        ]

    def _merged(self, rows: Mapping[str, Row]) -> Row:
        merged: Row = {}
        warnings: list[str] = []
        first = True
        for name, row in rows.items():
            warnings += [w for w in row.get("warnings") or [] if w not in warnings]
            if not first and row["status"] not in MEASURED and row["status"] != merged["status"]:
                warnings.append(f"{name}_{row['status']}")
            if name == "ofiq" and "bqat" in rows:
                row = _renamed(row)
            for column, value in row.items():
                if column in self._columns:
                    merged.setdefault(column, value)
            first = False
        return merged | {"warnings": warnings}


def _renamed(row: Row) -> Row:
    names = {old.name: new.name for old, new in zip(OFIQ, OFIQ_FUSED, strict=True)}
    return {names.get(column, column): value for column, value in row.items()}
