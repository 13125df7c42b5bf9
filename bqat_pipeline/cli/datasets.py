"""Commands about data sets that were scanned: list, show, outliers, report, compare, delete."""

import os
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from bqat_pipeline.cli.console import (
    CliError,
    err,
    native_messages_to,
    out,
    print_json,
    print_table,
    printable,
    shorten,
)
from bqat_pipeline.cli.copies import copies_lines, copies_summary
from bqat_pipeline.cli.description import (
    describe,
    files_line,
    pass_percent,
    verdict_bar,
    verdict_bar_legend,
    verdicts_line,
)
from bqat_pipeline.cli.identities import persons_lines, persons_summary
from bqat_pipeline.cli.lookup import dataset, open_store
from bqat_pipeline.cli.metadata import joined_table
from bqat_pipeline.cli.standing import (
    advice,
    by_rule_sets,
    fit_for_recognition,
    print_rule_sets,
    recognition_line,
)
from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Manifest, durable
from bqat_pipeline.datasets.report_folder import PAGE
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.datasets.survey import Surveyed, survey
from bqat_pipeline.settings import settings

_FEWEST_TO_FLAG = 100  # measured pictures below which none is flagged as an outlier
_WIDE_TERMINAL = 140  # characters
_SHORTEST_NAME = 16  # characters of a key: the end, which tells two of them apart, and some of the beginning
# Heading and number of decimals of the measures that most requirements use; their sentences round the same way.
_NUMBERS = {
    "iso_inter_eye_distance": ("eyes px", 0),
    "iso_head_pose_yaw": ("yaw°", 1),
    "iso_head_pose_pitch": ("pitch°", 1),
    "iso_head_pose_roll": ("roll°", 1),
}
_IN_JSON = ("ipd", "yaw_degree", "pitch_degree", "roll_degree")
_COLUMNS = ("file", "status", "verdict", *_NUMBERS, *_IN_JSON, "reason", "verdict_reasons")


def list_(*, as_json: bool) -> None:
    """List all data sets."""
    store = open_store()
    found = list(survey(store))
    rows = [(f.record, f.manifest) for f in found if f.record is not None]
    if as_json:
        print_json([_described(store, f) for f in found])
        return
    if not found:
        out.print(f"no data sets in {store.home} yet; `bqat scan FOLDER` makes one")
        return
    print_table(_list_of(store, rows))
    for damaged in (f for f in found if f.problem):
        err.print(f"{damaged.key}: {damaged.problem}")
    for record, manifest in rows:
        for warning in scan_warnings(store, record.key, manifest, identities=settings().identity):
            err.print(f"{record.key}: {warning}", style="yellow")
    err.print(f"{verdict_bar_legend()}    results in {store.home}", style="dim")


def _list_of(store: DatasetStore, rows: list[tuple[DatasetRecord, Manifest | None]]) -> Table:
    """The table of `list`; on a narrow terminal columns are left out, so that no number is cut off."""
    cells: dict[str, list[Text]] = {head: [] for head in ("files", "measured", "pass", "verdicts", "scanned")}
    for record, manifest in rows:
        facts = describe(store, record, manifest)
        share = facts["pass_percent"]
        scanned = manifest.created.astimezone().strftime("%Y-%m-%d %H:%M") if manifest else "not yet"
        cells["files"].append(Text(f"{facts['files']:,}"))
        cells["measured"].append(Text(f"{facts['measured']:,}"))
        cells["pass"].append(Text("" if share is None else f"{share:.1f} %"))
        cells["verdicts"].append(verdict_bar(manifest))
        cells["scanned"].append(Text(scanned))

    def room() -> int:
        """Characters left for the keys."""
        return out.width - sum(max(len(head), *(len(c) for c in column)) + 2 for head, column in cells.items())

    for head in ("scanned", "verdicts", "measured"):
        if not out.is_terminal or room() >= _SHORTEST_NAME or not rows:
            break
        del cells[head]
    table = Table("data set", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for head in cells:
        table.add_column(head, justify="right" if head in ("files", "measured", "pass") else "left", no_wrap=True)
    width = max(_SHORTEST_NAME, room()) if out.is_terminal and rows else 10_000
    for number, (record, _) in enumerate(rows):
        table.add_row(shorten(record.key, width), *(column[number] for column in cells.values()))
    return table


def show(name: str, *, rows: int, rules: str, as_json: bool) -> None:
    """Show a data set: its place, counts of its files and verdicts, its first profiles."""
    store = open_store()
    record = dataset(store, name)
    manifest = _finished(store, record)
    profiles = store.profiles(record.key)
    assert profiles is not None  # a manifest was published
    present = [c for c in _COLUMNS if c in profiles.schema.names]
    head = profiles.head(rows, columns=present).to_pylist() if rows and not rules else []
    judged = by_rule_sets(store, record, rules) if rules else {}
    lines = advice(store, record, manifest)
    second = fit_for_recognition(store, record, manifest)
    if as_json:
        copies = copies_summary(store, record)
        persons = persons_summary(store, record)
        found = {"advice": lines, "recognition": second, "copies": copies, "identities": persons}
        print_json({**describe(store, record, manifest), **found, **judged, "profiles": head})
        return
    if judged:
        print_rule_sets(judged)
        return
    _print_facts(store, record, manifest)
    for line in lines:
        out.print(f"why        {line}")
    if second:
        out.print(recognition_line(second))
    for line in copies_lines(copies_summary(store, record)) + persons_lines(persons_summary(store, record)):
        out.print(line)
    for note in manifest.passed_over.notes():
        out.print(f"note       {note}")
    for warning in scan_warnings(store, record.key, manifest, identities=settings().identity):
        err.print(f"warning    {warning}", style="yellow")
    if head:
        out.print()
        _print_profiles(head, present)


def _print_facts(store: DatasetStore, record: DatasetRecord, manifest: Manifest) -> None:
    share = pass_percent(manifest)
    report = store.report(record.key) / PAGE
    facts = {
        "data set": record.key,
        "name": record.name,
        "collection": record.id,
        "source": ", ".join(s.uri for s in record.sources),
        "engine": record.options.engine,
        "files": files_line(manifest),
        "verdicts": verdicts_line(manifest, record.requirements),
        "pass": "no face was judged" if share is None else f"{share:.1f} %",
        "scanned": manifest.created.astimezone().strftime("%Y-%m-%d %H:%M"),
        "profiles": store.generation(record.key, manifest.generation).profiles,
        "report": report if report.is_file() else "was not made; `bqat report` makes it",
    }
    for label, value in facts.items():
        out.print(f"{label:11}{printable(value)}")


def _print_profiles(rows: list[dict[str, Any]], present: list[str]) -> None:
    """Print a line for each row; ``why`` is the first requirement that it misses, or the fault of the file."""
    roomy = not out.is_terminal or out.width >= _WIDE_TERMINAL
    numbers = [c for c in _NUMBERS if c in present and roomy]
    table = Table(box=None, pad_edge=False)
    table.add_column("file", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for column in numbers:
        table.add_column(_NUMBERS[column][0], justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        table.add_row(
            shorten(row["file"], _width(0.3)),
            row["status"].replace("_", " "),
            # Files without a measured face have no verdict.
            (row.get("verdict") or "").replace("_", " ") if row["status"] in MEASURED else "",
            *("" if row[c] is None else f"{row[c]:.{_NUMBERS[c][1]}f}" for c in numbers),
            printable(_why(row)),
        )
    print_table(table)


def _why(row: dict[str, Any]) -> str:
    missed = row.get("verdict_reasons") or []
    if not missed:
        return row.get("reason") or ""
    more = f" (+{len(missed) - 1} more)" if len(missed) > 1 else ""
    return f"{missed[0]}{more}"


def _width(share: float) -> int:
    """Characters of a column that takes a share of the terminal; practically no limit in a pipe or file."""
    return max(16, int(out.width * share)) if out.is_terminal else 10_000


def outliers(name: str, *, limit: int, as_json: bool) -> None:
    """List the unusual pictures of a data set, with reasons."""
    import pyarrow.compute as pc

    store = open_store()
    record = dataset(store, name)
    manifest = _finished(store, record)
    table = store.found(record.key, "outliers")
    if table is None:
        raise CliError(f"{record.key} has no outlier table; run `bqat scan` again")
    flagged = table.to_table(columns=["file", "score", "severity", "reasons"], filter=pc.field("is_outlier"))
    rows = flagged.sort_by([("score", "descending")]).slice(0, limit).to_pylist()
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print(_nothing_unusual(manifest))
    for row in rows:
        out.print(f"{printable(row['file'])}  {row['severity']} ({row['score']:.1f})")
        for reason in row["reasons"] or []:
            out.print(f"    {printable(reason['words'])}")
    if flagged.num_rows > len(rows):
        err.print(f"{flagged.num_rows - len(rows):,} more; --limit {flagged.num_rows} shows all", style="dim")


def _nothing_unusual(manifest: Manifest) -> str:
    """Why no picture is listed: none is unusual, or there are too few pictures to decide."""
    if manifest.measured < _FEWEST_TO_FLAG:
        return f"no picture is flagged: that takes {_FEWEST_TO_FLAG} measured pictures or more (docs/outliers.md)"
    return "no picture is unusual"


def report(name: str, *, baseline: str, metadata: Path | None, thumbnails: str, names: str, as_json: bool) -> None:
    """Write the report of a data set again; print a summary and the path of the page."""
    from bqat_pipeline.report import ReportOptions, summary_lines, write_report

    store = open_store()
    record = dataset(store, name)
    _finished(store, record)
    try:
        options = ReportOptions.from_settings().with_choices(thumbnails=thumbnails, names=names)
    except ValueError as error:
        raise CliError(str(error)) from error
    changes: dict[str, str | None] = {}
    if baseline:
        changes["baseline"] = None if baseline == "previous" else dataset(store, baseline).key
    if metadata is not None:
        changes["metadata_csv"] = str(joined_table(store, record, metadata))
    if changes:
        store.save(record.model_copy(update=changes))
    with native_messages_to(Path(os.devnull)):  # decoders print there about each damaged picture
        summary = write_report(store, record.key, options)
    if as_json:
        print_json(summary)
        return
    for line in summary_lines(summary):
        out.print(line)
    out.print(summary["page"])


def compare(first: str, second: str, *, html: Path | None, as_json: bool) -> None:
    """Compare two data sets: change of the pass rate, shift of each measure. One given twice: its last two scans."""
    from bqat_pipeline.report import NothingToReportError, comparison_lines, comparison_page
    from bqat_pipeline.report import compare as compare_datasets

    store = open_store()
    one, two = dataset(store, first), dataset(store, second)
    _finished(store, one)
    _finished(store, two)
    try:
        result = compare_datasets(store, one.key, two.key, or_itself=True)
        if html is not None:
            durable.write(html, comparison_page(store, one.key, two.key, or_itself=True).encode())
    except NothingToReportError as error:
        raise CliError(str(error)) from error
    if as_json:
        print_json(result)
        return
    for line in comparison_lines(result):
        out.print(line)


def delete(name: str, *, yes: bool) -> None:
    """Delete a data set: profiles, report and partition. The pictures stay where they are."""
    store = open_store()
    key = _key_to_delete(store, name)
    if not yes and not _confirmed(f"Delete all results of {key}?"):
        raise CliError("nothing was deleted")
    from bqat_pipeline.deployment.instance import open_instance

    instance = open_instance()
    from bqat_pipeline.names import PARTITIONS

    instance.delete_dynamic_partition(PARTITIONS, key)
    store.delete(key)
    err.print(f"deleted {key}")


def _key_to_delete(store: DatasetStore, name: str) -> str:
    """Key of a data set; one whose dataset.json is damaged is only found by its whole key."""
    try:
        return dataset(store, name).key
    except DamagedDatasetError:
        return name


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question)
    except typer.Abort as error:
        if isinstance(error.__context__, EOFError):  # standard input is closed: nobody can answer
            return False
        raise


def _finished(store: DatasetStore, record: DatasetRecord) -> Manifest:
    manifest = store.manifest(record.key)
    if manifest is None:
        raise CliError(f"{record.key} has no finished scan yet")
    return manifest


def _described(store: DatasetStore, found: Surveyed) -> dict[str, Any]:
    if found.record is None:
        return {"dataset": found.key, "problem": found.problem}
    return {**describe(store, found.record, found.manifest), "problem": found.problem or None}
