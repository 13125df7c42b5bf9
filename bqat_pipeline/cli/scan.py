"""``bqat scan`` and ``bqat sample``: a folder goes through the Dagster pipeline, with a progress bar."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from bqat_pipeline.cli.console import CliError, err, native_messages_to, out, print_json
from bqat_pipeline.cli.exploration import draw_exploration
from bqat_pipeline.cli.lookup import open_store
from bqat_pipeline.cli.progress import watch_progress
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, Manifest, ScanOptions, Source
from bqat_pipeline.datasets.ownership import creation_lock, is_of_folder, measures_alike
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.settings import settings


def sample() -> None:
    """Write the sample data set (24 files made from two public-domain portraits) below the data root."""
    folder = _write_sample()
    out.print(f"{folder}", markup=False)


def scan(
    folder: Annotated[Path | None, typer.Argument(help="Folder of pictures; everything below it is scanned.")] = None,
    use_sample: Annotated[bool, typer.Option("--sample", help="Scan the sample data set.")] = False,
    name: Annotated[str, typer.Option(help="Name of the data set; default: the folder's name.")] = "",
    new: Annotated[bool, typer.Option("--new", help="Make a new data set even when the folder has one.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Measure every file again, also those that did not change.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Go on when the folder held files before and holds none.")
    ] = False,
    engine: Annotated[str, typer.Option(help="bqat, ofiq, biqt or fusion.")] = "bqat",
    pattern: Annotated[str, typer.Option(help="Regular expression for base names.")] = "",
    requirements: Annotated[str, typer.Option(help="Requirement profile: shipped name or TOML file.")] = "",
    fail_under: Annotated[float, typer.Option(help="Exit 1 when fewer percent of the faces pass.", min=0, max=100)] = 0,
    explore: Annotated[
        bool, typer.Option("--explore", help="Draw the exploratory page afterwards, as BQAT_EDA does for every scan.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Scan a folder: images, face profiles, outliers, duplicates, report. A second scan takes only what changed."""
    if use_sample == (folder is not None):
        raise CliError("give a folder, or --sample")
    place = _write_sample() if folder is None else folder.expanduser().absolute()
    if not place.is_dir():
        raise CliError(f"{place} is not a folder")
    options = _options(engine, pattern)
    profile = requirements or settings().requirements
    _check_profile(profile)
    store = open_store()
    with creation_lock(store):
        record = None if new else _existing(store, place, options)
        made = record is None
        if record is None:
            record = store.create(
                name or place.name,
                [Source(uri=str(place), prefix=_prefix(place))],
                options,
                requirements=profile,
            )
    if not made and requirements and record.requirements != profile:
        record = record.model_copy(update={"requirements": profile})
        store.save(record)
    before = store.manifest(record.key)
    try:
        _run(store, record, {"force": force, "allow_empty": allow_empty})
    except _EmptyFolderError as error:
        if made:
            store.delete(record.key)
        raise CliError(str(error) or f"there are no pictures in {place}") from error
    summary = _summary(store, record, before)
    for warning in summary["warnings"]:
        err.print(f"warning    {warning}", markup=False, style="yellow")
    if as_json:
        print_json(summary)
    else:
        _print(summary)
    if explore or settings().eda:
        page = draw_exploration(store, record)
        err.print(f"exploration {page or 'has nothing to show: no face was measured'}", markup=False)
    share = summary["pass_percent"]
    if fail_under and (share is None or share < fail_under):
        err.print(f"{share if share is not None else 0:.1f} % of the faces pass, asked for {fail_under:g} %")
        raise typer.Exit(1)


class _EmptyFolderError(Exception):
    """The folder holds no file that looks like a picture."""


def _write_sample() -> Path:
    from bqat_pipeline.sample import write_sample

    root = Location.parse(settings().data)
    if not root.is_local:
        raise CliError("the sample data set needs a local data root (BQAT_DATA)")
    folder = root.local / "sample"
    write_sample(folder)
    return folder


def _options(engine: str, pattern: str) -> ScanOptions:
    if engine not in ("bqat", "ofiq", "biqt", "fusion"):
        raise CliError(f"there is no engine {engine!r}; take bqat, ofiq, biqt or fusion")
    try:
        re.compile(pattern)
    except re.error as error:
        raise CliError(f"{pattern!r} is not a regular expression: {error}") from error
    return ScanOptions.model_validate({"engine": engine, "pattern": pattern or None})


def _check_profile(profile: str) -> None:
    from bqat_pipeline.requirements import load_profile

    try:
        load_profile(profile)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error


def _prefix(place: Path) -> str:
    """What ``file`` begins with: ``data/...`` below the data root, else the folder's own name."""
    root = Location.parse(settings().data)
    if root.is_local and place.resolve().is_relative_to(root.local.resolve()):
        relative = place.resolve().relative_to(root.local.resolve()).as_posix()
        return "data" if relative == "." else f"data/{relative}"
    return place.name


def _existing(store: DatasetStore, place: Path, options: ScanOptions) -> DatasetRecord | None:
    """The data set that was made from this folder with these options, the newest first."""
    matches = [
        r
        for r in store.records()
        if measures_alike(r.options, options) and is_of_folder(r, Source(uri=str(place), prefix=""))
    ]
    return max(matches, key=lambda r: r.created, default=None)


def _run(store: DatasetStore, record: DatasetRecord, listing: dict[str, bool]) -> None:
    """Run the job ``scan`` for the partition in this process, so that it also shows in the Dagster UI.

    Parameters
    ----------
    listing : Configuration of the asset ``images``.
    """
    from bqat_pipeline.instance import open_instance

    instance = open_instance()
    from bqat_pipeline.datasets.listing import has_images
    from bqat_pipeline.definitions import defs
    from bqat_pipeline.launcher import process_tag
    from bqat_pipeline.partitions import NAME

    try:
        # A folder that was scanned before and is empty now is for the scan to judge: it knows what was there.
        if store.manifest(record.key) is None and not any(has_images(s, record.options) for s in record.sources):
            raise _EmptyFolderError
    except OSError as error:
        raise _EmptyFolderError(str(error)) from error
    instance.add_dynamic_partitions(NAME, [record.key])
    job = defs.resolve_job_def("scan")
    log = settings().state.absolute() / "logs" / "scan.log"
    with watch_progress(store, record.key), native_messages_to(log):
        result = job.execute_in_process(
            instance=instance,
            partition_key=record.key,
            tags={"bqat/kind": "scan", "bqat/collection": str(record.id), **process_tag()},
            run_config={
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
                "ops": {"images": {"config": listing}},
            },
            raise_on_error=False,
        )
    if not result.success:
        failures = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
        raise CliError(
            f"the scan failed: {_root_cause(failures[0]) if failures else 'the run was stopped'}\n"
            f"what was done is kept: the same command goes on from there; details are in {log} and in the Dagster UI"
        )


def _root_cause(error: Any) -> str:
    """Message of the innermost error of a failed step."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error is not None else "no reason is known"


def _summary(store: DatasetStore, record: DatasetRecord, before: Manifest | None) -> dict[str, Any]:
    manifest = store.manifest(record.key)
    if manifest is None:
        raise CliError(f"the scan of {record.key} left no result")
    # A scan that finds the files of the published generation publishes nothing.
    same = before is not None and (before.generation, before.created) == (manifest.generation, manifest.created)
    changes = Changes(unchanged=manifest.rows) if same else manifest.changes
    judged = sum(manifest.verdicts.get(v, 0) for v in ("pass", "borderline", "fail"))
    place = store.generation(record.key, manifest.generation) / "profiles"
    report = store.report(record.key) / "index.html"
    return {
        "dataset": record.key,
        "collection": str(record.id),
        "files": manifest.rows,
        "status": manifest.counts,
        "verdict": manifest.verdicts,
        "pass_percent": 100 * manifest.verdicts.get("pass", 0) / judged if judged else None,
        "changes": changes.model_dump(),
        "seconds": round(manifest.seconds, 2),
        "requirements": record.requirements,
        "warnings": manifest.passed_over.warnings(),
        "notes": manifest.passed_over.notes(),
        "profiles": str(place),
        "report": str(report) if report.is_file() else None,
    }


def _print(summary: dict[str, Any]) -> None:
    def counts(values: dict[str, int]) -> str:
        return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in sorted(values.items(), key=lambda i: -i[1]))

    changes = {k: v for k, v in summary["changes"].items() if v}
    out.print(f"data set   {summary['dataset']}", markup=False)
    out.print(f"files      {summary['files']}: {counts(summary['status'])}", markup=False)
    if changes:
        out.print(f"changes    {counts(changes)}", markup=False)
    if summary["verdict"]:
        out.print(f"verdicts   {counts(summary['verdict'])} ({summary['requirements']})", markup=False)
    for note in summary["notes"]:
        out.print(f"note       {note}", markup=False)
    out.print(f"profiles   {summary['profiles']}", markup=False)
    out.print(f"report     {summary['report'] or 'was not made'}", markup=False)
