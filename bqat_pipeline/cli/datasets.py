"""Commands about data sets that were scanned: list, show, outliers, report, compare, delete."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bqat_pipeline.cli.console import CliError, err, out, print_json
from bqat_pipeline.cli.lookup import dataset, open_store
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Manifest

Name = Annotated[str, typer.Argument(metavar="DATASET", help="Key, id, or the beginning of a key.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def list_(as_json: Json = False) -> None:
    """List all data sets."""
    store = open_store()
    rows = [(record, store.manifest(record.key)) for record in store.records()]
    if as_json:
        print_json([_describe(record, manifest) for record, manifest in rows])
        return
    table = Table(box=None, pad_edge=False)
    for head in ("data set", "files", "measured", "pass", "scanned"):
        table.add_column(head, justify="left" if head in ("data set", "scanned") else "right")
    for record, manifest in rows:
        facts = _describe(record, manifest)
        share = facts["pass_percent"]
        table.add_row(
            record.key,
            str(facts["files"]),
            str(facts["measured"]),
            "" if share is None else f"{share:.1f} %",
            manifest.created.strftime("%Y-%m-%d %H:%M") if manifest else "not yet",
        )
    out.print(table)


def show(
    name: Name,
    rows: Annotated[int, typer.Option(help="How many profiles to print.", min=0, max=1000)] = 10,
    as_json: Json = False,
) -> None:
    """Show a data set: where it is, what was found, its first profiles."""
    store = open_store()
    record = dataset(store, name)
    manifest = _finished(store, record)
    columns = ["file", "status", "verdict", "ipd", "yaw_degree", "pitch_degree", "roll_degree", "reason"]
    profiles = store.profiles(record.key)
    assert profiles is not None  # a manifest was published
    present = [c for c in columns if c in profiles.schema.names]
    head = profiles.head(rows, columns=present).to_pylist() if rows else []
    if as_json:
        print_json({**_describe(record, manifest), "profiles": head})
        return
    for label, value in _describe(record, manifest).items():
        out.print(f"{label.replace('_', ' '):12} {value}", markup=False)
    table = Table(box=None, pad_edge=False)
    for column in present:
        table.add_column(column, overflow="fold")
    for row in head:
        table.add_row(*(_cell(row[c]) for c in present))
    out.print(table)


def outliers(
    name: Name,
    limit: Annotated[int, typer.Option(help="How many to print, most unusual first.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """List the unusual pictures of a data set, with reasons."""
    import pyarrow.compute as pc

    store = open_store()
    record = dataset(store, name)
    _finished(store, record)
    table = store.table(record.key, "outliers")
    if table is None:
        raise CliError(f"{record.key} has no outlier table; run `bqat scan` again")
    flagged = table.to_table(columns=["file", "score", "severity", "reasons"], filter=pc.field("is_outlier"))
    rows = flagged.sort_by([("score", "descending")]).slice(0, limit).to_pylist()
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("no picture is unusual")
    for row in rows:
        out.print(f"{row['file']}  {row['severity']} ({row['score']:.1f})", markup=False)
        for reason in row["reasons"] or []:
            out.print(f"    {reason['text']}", markup=False)


def report(
    name: Name,
    baseline: Annotated[
        str, typer.Option(help="Data set to compare with from now on; `previous`: its own previous scan.")
    ] = "",
    metadata: Annotated[
        Path | None, typer.Option(help="CSV of further columns to group by from now on, joined by file name.")
    ] = None,
    thumbnails: Annotated[str, typer.Option(help="full, blurred or none; default: BQAT_THUMBNAILS.")] = "",
    names: Annotated[str, typer.Option(help="path or hashed; default: BQAT_REPORT_NAMES.")] = "",
    as_json: Json = False,
) -> None:
    """Make the report of a data set again and print the essentials and where it is."""
    from bqat_pipeline.report import ReportOptions, summary_lines, write_report

    store = open_store()
    record = dataset(store, name)
    _finished(store, record)
    changes: dict[str, str | None] = {}
    if baseline:
        changes["baseline"] = None if baseline == "previous" else dataset(store, baseline).key
    if metadata is not None:
        if not metadata.is_file():
            raise CliError(f"there is no file {metadata}")
        changes["metadata_csv"] = str(metadata.absolute())
    if changes:
        store.save(record.model_copy(update=changes))
    try:
        options = ReportOptions.from_settings().with_choices(thumbnails=thumbnails, names=names)
    except ValueError as error:
        raise CliError(str(error)) from error
    summary = write_report(store, record.key, options)
    if as_json:
        print_json(summary)
        return
    for line in summary_lines(summary):
        out.print(line, markup=False)
    out.print(summary["page"], markup=False)


def compare(first: Name, second: Name, as_json: Json = False) -> None:
    """Compare two data sets: change of the pass rate, shift of each measure."""
    from bqat_pipeline.report import compare as compare_datasets
    from bqat_pipeline.report import comparison_lines

    store = open_store()
    one, two = dataset(store, first), dataset(store, second)
    _finished(store, one)
    _finished(store, two)
    result = compare_datasets(store, one.key, two.key)
    if as_json:
        print_json(result)
        return
    for line in comparison_lines(result):
        out.print(line, markup=False)


def delete(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a data set: profiles, report and partition. The pictures stay where they are."""
    store = open_store()
    record = dataset(store, name)
    if not yes and not typer.confirm(f"Delete all results of {record.key}?"):
        raise typer.Exit(1)
    from bqat_pipeline.instance import open_instance

    instance = open_instance()
    from bqat_pipeline.partitions import NAME

    instance.delete_dynamic_partition(NAME, record.key)
    store.delete(record.key)
    err.print(f"deleted {record.key}", markup=False)


def _finished(store: DatasetStore, record: DatasetRecord) -> Manifest:
    manifest = store.manifest(record.key)
    if manifest is None:
        raise CliError(f"{record.key} has no finished scan yet")
    return manifest


def _describe(record: DatasetRecord, manifest: Manifest | None) -> dict[str, Any]:
    from bqat_pipeline.columns import MEASURED

    judged = sum(manifest.verdicts.get(v, 0) for v in ("pass", "borderline", "fail")) if manifest else 0
    return {
        "dataset": record.key,
        "collection": str(record.id),
        "name": record.name,
        "sources": ", ".join(s.uri for s in record.sources),
        "engine": record.options.engine,
        "requirements": record.requirements,
        "files": manifest.rows if manifest else 0,
        "measured": sum(manifest.counts.get(s, 0) for s in MEASURED) if manifest else 0,
        "status": manifest.counts if manifest else {},
        "verdicts": manifest.verdicts if manifest else {},
        "pass_percent": 100 * manifest.verdicts.get("pass", 0) / judged if manifest and judged else None,
        "scanned": manifest.created.isoformat() if manifest else None,
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
