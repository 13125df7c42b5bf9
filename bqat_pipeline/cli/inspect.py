"""``bqat inspect``: one picture, printed for a person or as JSON, with an overlay picture on request."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bqat_pipeline.cli.console import CliError, err, native_messages_to, out, print_json, print_table
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET
from bqat_pipeline.columns import FACE, MEASURED
from bqat_pipeline.settings import settings

_COLOURS = {"pass": "green", "borderline": "yellow", "fail": "red"}


def inspect(
    file: Annotated[Path, typer.Argument(help="A picture.")],
    overlay: Annotated[
        Path | None, typer.Option(help="Write the picture with landmarks, regions and verdicts.")
    ] = None,
    requirements: Annotated[str, typer.Option(help="Requirement profile: shipped name or TOML file.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print every column as JSON.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every column, not only verdicts and scores.")
    ] = False,
) -> None:
    """Measure one picture and say how it stands against a requirement profile. Exit 1 when it fails."""
    if not file.is_file():
        raise CliError(f"{file} is not a file")
    from bqat_pipeline.face import FaceEngine
    from bqat_pipeline.requirements import evaluate_row, load_profile

    try:
        profile = load_profile(requirements or settings().requirements)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error
    with native_messages_to(Path(os.devnull)):
        row = FaceEngine().analyse(file)
        verdict = evaluate_row(profile, row) if row["status"] in MEASURED else None
        if overlay is not None:
            _write_overlay(file, overlay, verdict)
    if as_json:
        print_json(
            {
                "file": str(file),
                **row,
                "verdict": verdict and verdict.overall,
                "results": verdict and dict(verdict.results),
            }
        )
    else:
        _print(file, row, profile, verdict, everything)
    if verdict is None or verdict.overall == "fail":
        raise typer.Exit(LIMIT_NOT_MET)


def _print(file: Path, row: dict[str, Any], profile: Any, verdict: Any, everything: bool) -> None:
    out.print(f"{file}: {row['status']}", style="bold")
    if row["reason"]:
        out.print(str(row["reason"]))
    if row["warnings"]:
        out.print("warnings: " + ", ".join(row["warnings"]))
    if verdict is not None:
        out.print(f"\n{profile.title}: ", end="")
        out.print(_outcome(verdict.overall))
        for sentence in verdict.reasons:
            out.print(f"  - {sentence}")
        table = Table(box=None, pad_edge=False)
        for head in ("requirement", "result"):
            table.add_column(head)
        for name, result in verdict.results.items():
            table.add_row(name.replace("_", " "), _outcome(result))
        print_table(table)
    shown = FACE if everything else [c for c in FACE.group("iso") if not c.name.endswith("_score")]
    table = Table(box=None, pad_edge=False)
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("score", justify="right")
    for column in shown:
        value = row.get(column.name)
        if value is None or isinstance(value, list):
            continue
        score = row.get(f"{column.name}_score")
        text = f"{value:g}" if isinstance(value, float) else str(value)
        table.add_row(column.title, text, column.unit, "" if score is None else str(score))
    print_table(table)


def _outcome(result: str) -> Text:
    return Text(result.replace("_", " "), style=_COLOURS.get(result, ""))


def _write_overlay(file: Path, target: Path, verdict: Any) -> None:
    from bqat_pipeline.face.overlay import overlay_file

    try:
        overlay_file(file, target, verdict)
    except (OSError, ValueError) as error:
        raise CliError(f"the overlay could not be written: {error}") from error
    err.print(f"overlay    {target}")
