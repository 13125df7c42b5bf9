"""``bqat scan`` runs the pipeline on a folder, with a progress bar; ``bqat sample`` writes the sample data set."""

from pathlib import Path
from typing import Any, get_args

import typer

from bqat_pipeline.cli.console import CliError, err, out, print_json, printable
from bqat_pipeline.cli.copies import copies_lines, copies_summary
from bqat_pipeline.cli.description import counts, files_line, pass_percent, verdicts_line
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET
from bqat_pipeline.cli.exploration import draw_exploration
from bqat_pipeline.cli.identities import persons_lines, persons_summary
from bqat_pipeline.cli.lookup import open_store
from bqat_pipeline.cli.metadata import joined_table, readable_table
from bqat_pipeline.cli.run import discard_unscanned, run_scan
from bqat_pipeline.cli.standing import advice, fit_for_recognition, recognition_line
from bqat_pipeline.columns import EngineName
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Manifest, ScanOptions, Source
from bqat_pipeline.datasets.listing import NameFilter, has_images
from bqat_pipeline.datasets.ownership import creation_lock, folder_source, latest_dataset
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.datasets.report_folder import PAGE
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.settings import settings


def sample() -> None:
    """Write the sample data set (24 files made from two public-domain portraits) below the data root."""
    folder = _write_sample()
    out.print(f"{folder}")


def scan(
    folder: Path | None,
    *,
    use_sample: bool,
    name: str,
    new: bool,
    force: bool,
    allow_empty: bool,
    engine: str,
    pattern: str,
    requirements: str,
    metadata: Path | None,
    fail_under: float,
    explore: bool,
    as_json: bool,
) -> None:
    """Scan a folder, or the sample data set, and print a summary; the arguments are those of ``bqat scan``."""
    if use_sample == (folder is not None):
        raise CliError("give a folder, or --sample")
    options = _options(engine, _encodable(pattern, "the pattern"))
    rules = requirements or settings().requirements
    _check_rule_set(rules)
    if settings().identity:
        _check_identity_model()
    table = None if metadata is None else readable_table(metadata)
    place = _write_sample() if folder is None else _place(folder)
    store = open_store()
    if not (store.home / "datasets").is_dir():
        err.print(f"results go to {store.home}, which is new (BQAT_HOME chooses another place)")
    with creation_lock(store):
        record = None if new else latest_dataset(store, str(place), options)
        is_new = record is None
        if record is None:
            source = folder_source(place, settings().data)
            _check_for_images(source, options)
            record = store.create(_encodable(name, "the name") or place.name, [source], options, requirements=rules)
    changes = {"requirements": rules} if not is_new and requirements and record.requirements != rules else {}
    table_before = record.metadata_csv
    if table is not None:
        changes["metadata_csv"] = str(table)
    if changes:
        record = record.model_copy(update=changes)
        store.save(record)
    before = store.manifest(record.key)
    try:
        run_scan(store, record, {"force": force, "allow_empty": allow_empty})
    except BaseException:
        if is_new:
            discard_unscanned(store, record.key)
        raise
    manifest = store.manifest(record.key)
    if manifest is None:
        raise CliError(f"the scan of {record.key} left no result")
    summary = _summary(store, record, manifest, before)
    for warning in summary["warnings"]:
        err.print(f"warning    {warning}", style="yellow")
    if as_json:
        print_json(summary)
    else:
        _print(summary, manifest)
    if explore or settings().eda:
        page = draw_exploration(store, record)
        err.print(f"exploration {page or 'has nothing to show: no face was measured'}")
    if table is not None:
        _check_join(store, record, table, table_before)
    share = summary["pass_percent"]
    if fail_under and (share is None or share < fail_under):
        err.print(f"{share if share is not None else 0:.1f} % of the faces pass, asked for {fail_under:g} %")
        raise typer.Exit(LIMIT_NOT_MET)


def _check_join(store: DatasetStore, record: DatasetRecord, table: Path, before: str | None) -> None:
    """Print how many pictures a metadata table names; restore the table from before when it names none."""
    try:
        joined_table(store, record, table)
    except BaseException:
        store.save(store.record(record.key).model_copy(update={"metadata_csv": before}))
        raise


def _write_sample() -> Path:
    from bqat_pipeline.sample import write_sample

    root = Location.parse(settings().data)
    if not root.is_local:
        raise CliError("the sample data set needs a local data root (BQAT_DATA)")
    folder = root.local / "sample"
    write_sample(folder)
    return folder


def _options(engine: str, pattern: str) -> ScanOptions:
    names = get_args(EngineName)
    if engine not in names:
        raise CliError(f"there is no engine {engine!r}; use {', '.join(names[:-1])} or {names[-1]}")
    options = ScanOptions.model_validate({"engine": engine, "pattern": pattern or None})
    try:
        NameFilter.of(options)
    except ValueError as error:
        raise CliError(f"{error}. Patterns are RE2 expressions, which cannot look ahead or behind") from error
    from bqat_pipeline.engines import EngineSpec, missing_engine

    if missing := missing_engine(EngineSpec.of(options, settings())):
        raise CliError(missing)
    return options


def _encodable(text: str, what: str) -> str:
    """The text, unless it holds bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CliError(f"{what} {printable(text)} is not UTF-8: choose another one") from error
    return text


def _place(folder: Path) -> Path:
    """The full path of a folder that can be scanned."""
    place = folder.expanduser().absolute()
    if not place.is_dir():
        raise CliError(f"{printable(place)} is not a folder")
    return Path(_encodable(str(place), "the name of the folder"))


def _check_for_images(source: Source, options: ScanOptions) -> None:
    if not has_images(source, options):
        chosen = f" whose names match {printable(options.pattern)}" if options.pattern else ""
        raise CliError(f"there are no pictures{chosen} in {printable(source.uri)}")


def _check_rule_set(name_or_path: str) -> None:
    from bqat_pipeline.requirements import load_rule_set

    try:
        load_rule_set(name_or_path)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error


def _check_identity_model() -> None:
    """Refuse a scan that would fail after its measures."""
    from bqat_pipeline.identity.network import check_model

    check_model(settings().identity_model)


def _summary(store: DatasetStore, record: DatasetRecord, manifest: Manifest, before: Manifest | None) -> dict[str, Any]:
    # A scan that finds no change keeps the published generation.
    same = before is not None and (before.generation, before.created) == (manifest.generation, manifest.created)
    changes = Changes(unchanged=manifest.rows) if same else manifest.changes
    place = store.generation(record.key, manifest.generation).profiles
    report = store.report(record.key) / PAGE
    return {
        "dataset": record.key,
        "collection": str(record.id),
        "files": manifest.rows,
        "status": manifest.counts,
        "verdict": manifest.verdicts,
        "pass_percent": pass_percent(manifest),
        "changes": changes.model_dump(),
        "seconds": round(manifest.seconds, 2),
        "requirements": record.requirements,
        "warnings": scan_warnings(store, record.key, manifest, identities=settings().identity),
        "notes": manifest.passed_over.notes(),
        "advice": advice(store, record, manifest),
        "copies": copies_summary(store, record),
        "identities": persons_summary(store, record),
        "recognition": fit_for_recognition(store, record, manifest),
        "profiles": str(place),
        "report": str(report) if report.is_file() else None,
    }


def _print(summary: dict[str, Any], manifest: Manifest) -> None:
    out.print(f"data set   {summary['dataset']}")
    out.print(f"files      {files_line(manifest)}")
    if changes := counts(summary["changes"]):
        out.print(f"changes    {changes}")
    out.print(f"verdicts   {verdicts_line(manifest, summary['requirements'])}")
    for line in summary["advice"]:
        out.print(f"why        {line}")
    if second := summary["recognition"]:
        out.print(recognition_line(second))
    for line in copies_lines(summary["copies"]) + persons_lines(summary["identities"]):
        out.print(line)
    for note in summary["notes"]:
        out.print(f"note       {note}")
    out.print(f"profiles   {summary['profiles']}")
    out.print(f"report     {summary['report'] or 'was not made'}")
