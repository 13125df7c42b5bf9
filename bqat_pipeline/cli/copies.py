"""Copies in words: ``bqat duplicates``, and what ``show`` and ``scan`` say of them."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from bqat_pipeline.cli.console import CliError, err, out, print_json, printable
from bqat_pipeline.cli.lookup import dataset, open_store
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore

if TYPE_CHECKING:
    import pyarrow.dataset as ds

# Members of one group that are printed; a folder may hold a million copies of one placeholder.
_MOST_MEMBERS = 20
# Groups that ``show`` and ``scan`` name.
_NAMED = 3
_KINDS = {"exact": "the same bytes", "near": "nearly the same picture", "changed": "the same photograph, changed"}


def duplicates(name: str, *, limit: int, as_json: bool) -> None:
    """List the copies in a data set, group by group: the one suggested to keep, and why. Nothing is deleted."""
    store = open_store()
    record = dataset(store, name)
    generation, table = store.current(record.key), store.found(record.key, "duplicates")
    if generation is None or table is None:
        raise CliError(f"{record.key} has no table of copies; run `bqat scan` again")
    groups = list(_groups(table, limit))
    found = generation.summary("duplicates")
    total = int(found.get("groups", len(groups)))
    if as_json:
        print_json(groups)
        return
    if not groups:
        out.print("no picture is a copy of another one")
    for group in groups:
        keeper, others = group["keep"], group["copies"]
        out.print(f"{printable(keeper['file'])}  {printable(keeper['why'])}")
        for copy in others[:_MOST_MEMBERS]:
            mirrored = ", mirrored" if copy["mirrored"] else ""
            out.print(f"    {printable(copy['file'])}  {_KINDS[copy['kind']]}{mirrored}. {printable(copy['why'])}")
        if len(others) > _MOST_MEMBERS:
            out.print(f"    and {len(others) - _MOST_MEMBERS:,} more")
    if note := found.get("note"):
        err.print(f"note       {printable(note)}")
    if total > len(groups):
        err.print(f"{total - len(groups):,} groups more; --limit {min(total, 10_000)} shows them", style="dim")


def copies_summary(store: DatasetStore, record: DatasetRecord) -> dict[str, Any] | None:
    """Groups and spare copies counted, and of the first groups which to keep and why; None when not known."""
    try:
        generation, table = store.current(record.key), store.found(record.key, "duplicates")
        found = generation.summary("duplicates") if generation else {}
    except DamagedDatasetError:  # the next scan makes it again
        return None
    if table is None or "groups" not in found:
        return None
    named = _groups(table, _NAMED) if found["groups"] else ()
    return {
        "dataset": record.key,
        "groups": found["groups"],
        "could_be_dropped": found["could_be_dropped"],
        "keep": [{"file": g["keep"]["file"], "copies": len(g["copies"]), "why": g["keep"]["why"]} for g in named],
    }


def copies_lines(summary: dict[str, Any] | None) -> list[str]:
    """The same for a terminal; nothing where there is no copy."""
    if not summary or not summary["groups"]:
        return []
    groups, spare = summary["groups"], summary["could_be_dropped"]
    numbers = f"{spare:,} spare in {groups:,} group{'s' if groups > 1 else ''}"
    lines = [f"copies     {numbers}; `bqat duplicates {summary['dataset']}` lists them"]
    return lines + [
        f"keep       {printable(kept['file'])} of {kept['copies'] + 1:,}. {printable(kept['why'])}"
        for kept in summary["keep"]
    ]


def _groups(table: "ds.Dataset", limit: int) -> Iterator[dict[str, Any]]:
    """The first groups: number, ``keep`` and ``copies``, each with file, kind, mirrored and why."""
    import pyarrow.compute as pc

    # tables of earlier versions have no words
    names = [
        name for name in ("group", "row", "file", "kind", "keeper", "mirrored", "why") if name in table.schema.names
    ]
    rows = table.to_table(columns=names, filter=pc.field("group") < limit).to_pylist()
    rows.sort(key=lambda row: (row["group"], not row["keeper"], row["row"]))
    for number, members in groupby(rows, itemgetter("group")):
        keeper, *copies = (
            {
                "row": member["row"],
                "file": member["file"],
                "kind": member["kind"],
                "mirrored": bool(member.get("mirrored")),
                "why": member.get("why") or "",
            }
            for member in members
        )
        yield {"group": number, "keep": keeper, "copies": copies}
