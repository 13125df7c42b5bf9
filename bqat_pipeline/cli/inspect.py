"""``bqat inspect``: one picture, printed for a person or as JSON, with an overlay picture on request."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from bqat_pipeline.cli.console import CliError, err, native_messages_to, out, print_json, print_table
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET
from bqat_pipeline.columns import FACE, MEASURED
from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    from bqat_pipeline.requirements import RuleSet, Verdict

_COLOURS = {"pass": "green", "borderline": "yellow", "fail": "red"}


def inspect(
    file: Annotated[Path, typer.Argument(help="A picture.")],
    overlay: Annotated[
        Path | None, typer.Option(help="Write the picture with landmarks, regions and verdicts.")
    ] = None,
    requirements: Annotated[str, typer.Option(help="Rule set: shipped name or TOML file.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print every column as JSON.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every column, not only verdicts and scores.")
    ] = False,
) -> None:
    """Measure one picture and say how it stands against a rule set. Exit 1 when it fails."""
    if not file.is_file():
        raise CliError(f"{file} is not a file")
    from bqat_pipeline.requirements import load_rule_set

    try:
        rules = load_rule_set(requirements or settings().requirements)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error
    with native_messages_to(Path(os.devnull)):
        row, verdict, problem = _measured(file, overlay, rules)
    if problem:
        raise CliError(f"the overlay could not be written: {problem}")
    if overlay is not None:
        err.print(f"overlay    {overlay}")
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
        _print(file, row, rules, verdict, everything)
    if verdict is None or verdict.overall == "fail":
        raise typer.Exit(LIMIT_NOT_MET)


def _measured(file: Path, overlay: Path | None, rules: "RuleSet") -> tuple[dict[str, Any], "Verdict | None", str]:
    """Row, verdict, and why the overlay was not written; measured in a worker process, which a file may end."""
    from bqat_pipeline.execution.alone import run_alone
    from bqat_pipeline.execution.pool import WorkerDiedError

    limits = settings()
    try:
        return run_alone(limits, _measure, file, overlay, rules, limits.max_pixels, int(limits.max_file_size))
    except WorkerDiedError as error:
        status = "timeout" if error.timed_out else "crashed"
        limit = f"it took longer than {limits.image_timeout:g} s (BQAT_IMAGE_TIMEOUT)"
        reason = f"the process that measured the picture was ended: {limit if error.timed_out else error}"
        row: dict[str, Any] = dict.fromkeys(FACE.names) | {"status": status, "reason_code": status, "reason": reason}
        return row, None, reason if overlay else ""
    except Exception as error:
        raise CliError(f"the engine could not be started ({error}); is BQAT_WORKER_MEMORY too small?") from error


def _measure(
    file: Path, overlay: Path | None, rules: "RuleSet", max_pixels: int, max_file_size: int
) -> tuple[dict[str, Any], "Verdict | None", str]:
    from bqat_pipeline.face import EngineOptions, FaceEngine
    from bqat_pipeline.face.overlay import overlay_file
    from bqat_pipeline.requirements import evaluate_row

    engine = FaceEngine(EngineOptions(max_pixels=max_pixels, max_file_size=max_file_size))
    row = engine.analyse(file)
    verdict = evaluate_row(rules, row) if row["status"] in MEASURED else None
    if overlay is not None:
        try:
            overlay_file(file, overlay, verdict, engine)
        except (OSError, ValueError) as error:
            return row, verdict, str(error)
    return row, verdict, ""


def _print(file: Path, row: dict[str, Any], rules: Any, verdict: Any, everything: bool) -> None:
    out.print(f"{file}: {row['status']}", style="bold")
    if row["reason"]:
        out.print(str(row["reason"]))
    if row["warnings"]:
        out.print("warnings: " + ", ".join(row["warnings"]))
    if verdict is not None:
        out.print(f"\n{rules.title}: ", end="")
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
