"""The duplicates: the largest groups for the page, all of them as CSV."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from bqat_pipeline.datasets.csv_files import CsvList, plain
from bqat_pipeline.report.aggregates import Rows, stream
from bqat_pipeline.report.document import DuplicateGroup, Duplicates
from bqat_pipeline.report.formatting import count, percent, plural
from bqat_pipeline.report.galleries import picture
from bqat_pipeline.report.inputs import Labels, ReportInputs

_COLUMNS = ("row", "file", "group", "kind", "distance", "likeness", "mirrored", "keeper", "why")
_SHOWN = 6  # members of a group on the page


@dataclass
class DuplicateTable:
    """What the duplicate table holds."""

    summary: dict[str, Any] | None = None
    sizes: dict[int, int] = field(default_factory=dict)
    members: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> set[int]:
        """Rows of the members that are shown."""
        return {member["row"] for members in self.members.values() for member in members}

    def section(self, rows: Rows, labels: Labels) -> Duplicates:
        """The section of the report."""
        s = self.summary
        if s is None:
            return Duplicates(note="Duplicate detection has not run on this scan.")
        note = f"{s['note'][:1].upper()}{s['note'][1:]}." if s.get("note") else ""
        if s.get("capped"):
            note += f" The search was cut short in {plural(s['capped'], 'crowded place')}; there may be more."
        return Duplicates(
            available=True,
            total_groups=s.get("groups", 0),
            exact_copies=s.get("exact_copies", 0),
            near_copies=s.get("near_copies", 0),
            changed_copies=s.get("changed_copies", 0),
            spare=s.get("could_be_dropped", 0),
            note=note.strip(),
            groups=[self._group(number, rows, labels) for number in self.members],
        )

    def _group(self, number: int, rows: Rows, labels: Labels) -> DuplicateGroup:
        members = sorted(self.members[number], key=lambda m: (not m["keeper"], m["row"]))
        shown = [picture(rows[m["row"]], labels, note=_note(m)) for m in members if m["row"] in rows]
        kinds = {m["kind"] for m in members}
        kind: Literal["exact", "near", "changed"] = "exact"
        if kinds != {"exact"}:
            kind = "changed" if "changed" in kinds else "near"
        return DuplicateGroup(kind=kind, size=self.sizes[number], pictures=shown)


def _note(member: dict[str, Any]) -> str:
    if member["keeper"]:
        why = (member.get("why") or "").removeprefix("Suggested to keep: ").rstrip(".")
        return f"keep: {why}" if why else "keep"
    if member["kind"] == "exact":
        return "identical"
    if member["kind"] == "changed":
        words = "mirrored, the same photograph" if member.get("mirrored") else "the same photograph, changed"
        # another file with the bytes of one that was compared has no likeness of its own
        return f"{words}: faces {percent(member['likeness'], 2)} alike" if member.get("likeness") else words
    return f"{count(member['distance'])} of 256 bits off" if member["distance"] else "same picture"


def read_duplicates(inputs: ReportInputs, folder: Path) -> DuplicateTable:
    """Read the duplicate table; all rows go to ``duplicates.csv``. Takes eight bytes of memory for each group."""
    table = inputs.generation.found("duplicates")
    if table is None:
        return DuplicateTable()
    result = DuplicateTable(summary=inputs.generation.summary("duplicates"))
    sizes = np.zeros(0, np.int64)
    with CsvList(folder / "duplicates.csv", ("row", "group", "file", "kind", "distance", "keeper", "why")) as out:
        for batch in stream(table, _COLUMNS):
            groups = batch.column("group").to_numpy()
            found = np.bincount(groups, minlength=sizes.size)
            found[: sizes.size] += sizes
            sizes = found
            out.write(
                batch.column("row"),
                pc.cast(batch.column("group"), pa.string()),
                plain(inputs.labels.pictures(batch)),
                batch.column("kind"),
                pc.cast(batch.column("distance"), pa.string()),
                pc.if_else(batch.column("keeper"), pa.scalar("keep"), pa.scalar("")),
                batch.column("why") if "why" in batch.schema.names else pa.nulls(batch.num_rows, pa.string()),
            )
        result.files["duplicates.csv"] = out.rows
    largest = np.argsort(-sizes, kind="stable")[: inputs.options.duplicate_groups]
    result.sizes = {int(group): int(sizes[group]) for group in largest if sizes[group] > 0}
    result.members = _members(table, result.sizes)
    return result


def _members(table: "ds.Dataset", groups: dict[int, int]) -> dict[int, list[dict[str, Any]]]:
    """The keeper and the first members of each group, as many as are shown."""
    members: dict[int, list[dict[str, Any]]] = {group: [] for group in groups}
    wanted = pa.array(list(groups), pa.int64())
    for batch in stream(table, _COLUMNS):
        chosen = batch.filter(pc.is_in(batch.column("group"), value_set=wanted))
        # A group may hold a million copies of one placeholder; turn no more into Python objects than needed.
        groups_of = chosen.column("group").to_numpy()
        keepers = chosen.column("keeper").to_numpy(zero_copy_only=False)
        for group in np.unique(groups_of).tolist():
            rows = np.flatnonzero((groups_of == group) & ~keepers)[: _SHOWN - 1]
            rows = np.concatenate([np.flatnonzero((groups_of == group) & keepers), rows])
            members[group] += chosen.take(pa.array(rows)).to_pylist()
    return {group: sorted(found, key=lambda m: not m["keeper"])[:_SHOWN] for group, found in members.items()}
