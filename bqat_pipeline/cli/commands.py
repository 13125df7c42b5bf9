"""The commands of ``bqat``: their arguments, options and help.

This module imports typer alone, so that help and a misspelt option cost no second: each command imports the module
that does its work when it is called.
"""

from pathlib import Path
from typing import Annotated

import typer

from bqat_pipeline.cli.completion import dataset_keys

_Name = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="Key, id, name, or the beginning of a key.", autocompletion=dataset_keys),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


# scans


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
    requirements: Annotated[str, typer.Option(help="Rule set: shipped name or TOML file.")] = "",
    metadata: Annotated[
        Path | None,
        typer.Option(help="Table (CSV) of columns to group the report by from now on, joined by file name."),
    ] = None,
    fail_under: Annotated[
        float, typer.Option(help="Exit 1 when less than this percentage of the faces passes.", min=0, max=100)
    ] = 0,
    explore: Annotated[
        bool, typer.Option("--explore", help="Draw the exploratory page afterwards, as BQAT_EDA does for every scan.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Scan a folder: images, face profiles, outliers, duplicates, report. A second scan measures only what changed."""
    from bqat_pipeline.cli.scan import scan

    scan(
        folder,
        use_sample=use_sample,
        name=name,
        new=new,
        force=force,
        allow_empty=allow_empty,
        engine=engine,
        pattern=pattern,
        requirements=requirements,
        metadata=metadata,
        fail_under=fail_under,
        explore=explore,
        as_json=as_json,
    )


def sample() -> None:
    """Write the sample data set (24 files made from two public-domain portraits) below the data root."""
    from bqat_pipeline.cli.scan import sample

    sample()


# single pictures


def inspect(
    files: Annotated[list[Path] | None, typer.Argument(help="Pictures.")] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Write the picture with landmarks, regions and verdict; for one picture.")
    ] = None,
    requirements: Annotated[str, typer.Option(help="Rule set: shipped name or TOML file.")] = "",
    watch: Annotated[
        Path | None, typer.Option(help="Judge the files that arrive in a folder, a line each, until interrupted.")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print all columns that do not show the person, as JSON; of several pictures, a line each."
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Print all columns that do not show the person, not only verdicts and scores.")
    ] = False,
) -> None:
    """Measure pictures and judge them by a rule set. Exit 1 when one fails or cannot be measured."""
    from bqat_pipeline.cli.inspect import inspect

    inspect(
        files or [],
        overlay=overlay,
        requirements=requirements,
        watch=watch,
        as_json=as_json,
        everything=everything,
    )


# data sets that were scanned


def list_(as_json: _Json = False) -> None:
    """List all data sets."""
    from bqat_pipeline.cli.datasets import list_

    list_(as_json=as_json)


def show(
    name: _Name,
    rows: Annotated[int, typer.Option(help="How many profiles to print.", min=0, max=1000)] = 10,
    rules: Annotated[
        str,
        typer.Option(help="Judge the same rows by another rule set, or by `all` shipped ones; nothing is measured."),
    ] = "",
    as_json: _Json = False,
) -> None:
    """Show a data set: its place, counts of its files and verdicts, its first profiles."""
    from bqat_pipeline.cli.datasets import show

    show(name, rows=rows, rules=rules, as_json=as_json)


def outliers(
    name: _Name,
    limit: Annotated[int, typer.Option(help="How many to print, most unusual first.", min=1, max=10_000)] = 20,
    as_json: _Json = False,
) -> None:
    """List the unusual pictures of a data set, with reasons."""
    from bqat_pipeline.cli.datasets import outliers

    outliers(name, limit=limit, as_json=as_json)


def duplicates(
    name: _Name,
    limit: Annotated[int, typer.Option(help="How many groups to print.", min=1, max=10_000)] = 20,
    as_json: _Json = False,
) -> None:
    """List the copies in a data set, group by group: the one suggested to keep, and why. Nothing is deleted."""
    from bqat_pipeline.cli.copies import duplicates

    duplicates(name, limit=limit, as_json=as_json)


def report(
    name: _Name,
    baseline: Annotated[
        str, typer.Option(help="Data set to compare with from now on; `previous`: its own previous scan.")
    ] = "",
    metadata: Annotated[
        Path | None, typer.Option(help="Table (CSV) of further columns to group by from now on, joined by file name.")
    ] = None,
    thumbnails: Annotated[str, typer.Option(help="full, blurred or none; default: BQAT_THUMBNAILS.")] = "",
    names: Annotated[str, typer.Option(help="path or hashed; default: BQAT_REPORT_NAMES.")] = "",
    as_json: _Json = False,
) -> None:
    """Write the report of a data set again; print a summary and the path of the page."""
    from bqat_pipeline.cli.datasets import report

    report(name, baseline=baseline, metadata=metadata, thumbnails=thumbnails, names=names, as_json=as_json)


def compare(
    first: _Name,
    second: Annotated[
        str,
        typer.Argument(
            metavar="OTHER",
            help="What is compared with the first; both are judged by its rule set.",
            autocompletion=dataset_keys,
        ),
    ],
    html: Annotated[Path | None, typer.Option(help="Write the comparison as a page to this file.")] = None,
    as_json: _Json = False,
) -> None:
    """Compare two data sets: change of the pass rate, shift of each measure. One given twice: its last two scans."""
    from bqat_pipeline.cli.datasets import compare

    compare(first, second, html=html, as_json=as_json)


def crop(
    name: _Name,
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the copies; created when missing.")],
    rules: Annotated[str, typer.Option(help="Rule set: shipped name or TOML file; default: that of the scan.")] = "",
    as_json: _Json = False,
) -> None:
    """Write copies, cropped to a rule set's limits on size and position of the head; none is enlarged."""
    from bqat_pipeline.cli.crop import crop

    crop(name, folder, rules=rules, as_json=as_json)


def identities(
    name: _Name,
    other: Annotated[
        str,
        typer.Argument(metavar="OTHER", help="A second data set: pairs between the two.", autocompletion=dataset_keys),
    ] = "",
    threshold: Annotated[
        float, typer.Option(help="Distance below which pictures are paired; 0: BQAT_IDENTITY_THRESHOLD.", min=0, max=1)
    ] = 0,
    by: Annotated[
        str,
        typer.Option(
            help="Who pictures are said to show: a column of the metadata table, folder, or folder:1 for the first "
            "level. Lists only pairs under two names."
        ),
    ] = "",
    one_name: Annotated[
        bool, typer.Option("--one-name", help="List pairs of one name (--by) that are too far apart for one person.")
    ] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Print error rates and thresholds, where --by names the persons.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete the templates of the data set; pairs stay.")] = False,
    as_json: _Json = False,
) -> None:
    """List pairs of pictures that may show the same person, the closest first. Nothing is merged or deleted."""
    from bqat_pipeline.cli.identities import identities

    identities(
        name,
        other,
        threshold=threshold,
        by=by,
        one_name=one_name,
        calibrate=calibrate,
        forget=forget,
        as_json=as_json,
    )


def delete(name: _Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete a data set: profiles, report and partition. The pictures stay where they are."""
    from bqat_pipeline.cli.datasets import delete

    delete(name, yes=yes)


# the deployment


def up(
    api_port: Annotated[
        int | None, typer.Option(help="Port of the REST facade; default: BQAT_PORT.", min=0, max=65535)
    ] = None,
    dagster_port: Annotated[
        int | None, typer.Option(help="Port of the Dagster UI; default: BQAT_DAGSTER_PORT.", min=0, max=65535)
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the whole log: Dagster's lines, and one for each request.")
    ] = False,
) -> None:
    """Start Dagster UI, daemon, code location and REST facade together; Ctrl-C stops them all."""
    from bqat_pipeline.deployment.supervisor import run

    raise typer.Exit(run(api_port=api_port, dagster_port=dagster_port, verbose=verbose))


def doctor(as_json: _Json = False) -> None:
    """Check models, versions, folders, instance, ports and external engines. Exit 1 when something is wrong."""
    from bqat_pipeline.cli.doctor import doctor

    doctor(as_json=as_json)
