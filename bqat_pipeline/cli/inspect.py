"""``bqat inspect``: measure and judge single pictures, print the result as text or JSON, draw an overlay on request."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from bqat_pipeline.cli.console import CliError, err, native_messages_to, out, print_json, print_table, printable
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET
from bqat_pipeline.columns import DOUBTFUL, FACE, MEASURED, without_personal
from bqat_pipeline.settings import Settings, settings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bqat_pipeline.face import FaceEngine
    from bqat_pipeline.requirements import RequirementOutcome, RuleSet, Verdict

_COLOURS = {"pass": "green", "borderline": "yellow", "fail": "red"}
# Seconds between two listings of a watched folder; a file that is the same in two listings is complete.
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Inspected:
    """A picture, its row, its verdict and outcomes, and why its overlay was not written."""

    file: Path
    row: dict[str, Any]
    verdict: "Verdict | None"
    outcomes: "tuple[RequirementOutcome, ...]"
    problem: str = ""


def inspect(
    files: list[Path], *, overlay: Path | None, requirements: str, watch: Path | None, as_json: bool, everything: bool
) -> None:
    """Measure pictures and judge them by a rule set. Exit 1 when one fails or cannot be measured."""
    _check(files, overlay, watch)
    from bqat_pipeline.requirements import load_rule_set

    try:
        rules = load_rule_set(requirements or settings().requirements)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error
    alone = len(files) == 1 and watch is None
    failed = False
    with native_messages_to(Path(os.devnull)), _worker(settings()) as worker:
        arriving = _arriving(watch) if watch else iter(())
        for file in chain(files, arriving):
            found = _inspect(worker, file, overlay, rules)
            if found is None and file in files:
                raise CliError(f"there is no file {file} any more")
            if found is None:
                continue  # it appeared in the watched folder and was removed again
            failed |= found.verdict is None or found.verdict.overall == "fail"
            if found.problem:
                raise CliError(f"the overlay could not be written: {found.problem}")
            if overlay is not None:
                err.print(f"overlay    {overlay}")
            _show(found, rules, alone=alone, as_json=as_json, everything=everything)
    if failed:
        raise typer.Exit(LIMIT_NOT_MET)


def _check(files: list[Path], overlay: Path | None, watch: Path | None) -> None:
    if not files and watch is None:
        raise CliError("name a picture, or a folder to --watch")
    for file in files:
        if not file.exists():
            raise CliError(f"there is no file {file}")
        if not file.is_file():
            raise CliError(f"{file} is not a file; `bqat scan {file}` measures a folder")
    if watch is not None and not watch.is_dir():
        raise CliError(f"{watch} is not a folder")
    if overlay is not None and (len(files) != 1 or watch is not None):
        raise CliError("--overlay is for one picture")


# the worker


@contextmanager
def _worker(limits: Settings) -> Iterator["Executor"]:
    """A process that keeps its engine loaded; when a picture ends it, the next picture gets a new process."""
    from bqat_pipeline.execution.executors import open_pool

    with open_pool(1, int(limits.worker_memory)) as compute:
        yield compute.executor


def _inspect(worker: "Executor", file: Path, overlay: Path | None, rules: "RuleSet") -> _Inspected | None:
    """The file measured and judged; None when it is gone."""
    from bqat_pipeline.execution.pool import WorkerDiedError

    limits = settings()
    options = (limits.max_pixels, int(limits.max_file_size))
    try:
        return worker.submit(_measure, file, overlay, rules, float(limits.image_timeout), *options).result()
    except FileNotFoundError:
        return None
    except WorkerDiedError as error:
        status = "timeout" if error.timed_out else "crashed"
        limit = f"it took longer than {limits.image_timeout:g} s (BQAT_IMAGE_TIMEOUT)"
        reason = f"the process that measured the picture was ended: {limit if error.timed_out else error}"
        row: dict[str, Any] = dict.fromkeys(FACE.names) | {"status": status, "reason_code": status, "reason": reason}
        return _Inspected(file, row, None, (), reason if overlay else "")
    except Exception as error:
        raise CliError(f"the engine could not be started ({error}); is BQAT_WORKER_MEMORY too small?") from error


@cache
def _engine(max_pixels: int, max_file_size: int) -> "FaceEngine":
    from bqat_pipeline.face import EngineOptions, FaceEngine

    return FaceEngine(EngineOptions(max_pixels=max_pixels, max_file_size=max_file_size))


def _measure(
    file: Path, overlay: Path | None, rules: "RuleSet", seconds: float, max_pixels: int, max_file_size: int
) -> _Inspected:
    from bqat_pipeline.execution.pool import time_limit
    from bqat_pipeline.face.drawing.overlay import overlay_file
    from bqat_pipeline.requirements import evaluate_row, requirement_outcomes

    with time_limit(seconds):
        engine = _engine(max_pixels, max_file_size)
        row = engine.analyse(file)
        if row["status"] not in (*MEASURED, *DOUBTFUL):
            return _Inspected(file, row, None, (), str(row["reason"]) if overlay else "")
        verdict = evaluate_row(rules, row) if row["status"] in MEASURED else None
        problem = ""
        if overlay is not None:
            try:
                overlay_file(file, overlay, verdict, engine)
            except (OSError, ValueError) as error:
                problem = str(error)
    return _Inspected(file, row, verdict, tuple(requirement_outcomes(rules, row)) if verdict else (), problem)


# a folder that is watched


def _arriving(folder: Path) -> Iterator[Path]:
    """Files that are added to a folder or changed from now on, each when it is complete, until an interrupt."""
    known = _file_states(folder)
    err.print(f"watching {folder}; Ctrl-C ends it")
    growing: dict[Path, tuple[int, int]] = {}
    try:
        while True:
            time.sleep(_POLL_SECONDS)
            now = _file_states(folder)
            for file, state in sorted(now.items()):
                if known.get(file) == state:
                    continue
                if growing.get(file) == state:
                    known[file] = growing.pop(file)
                    yield file
                else:
                    growing[file] = state
            known = {file: state for file, state in known.items() if file in now}
            growing = {file: state for file, state in growing.items() if file in now}
    except KeyboardInterrupt:
        return


def _file_states(folder: Path) -> dict[Path, tuple[int, int]]:
    """Time (ns) and size (bytes) of each file of a folder; hidden files are left out, they may be unfinished."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # deleted or renamed during the listing
                    if not entry.name.startswith(".") and entry.is_file():
                        status = entry.stat()
                        found[Path(entry.path)] = (status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise CliError(f"{folder} cannot be read: {error.strerror or error}") from error
    return found


# what is printed


def _show(found: _Inspected, rules: "RuleSet", *, alone: bool, as_json: bool, everything: bool) -> None:
    if as_json:
        print_json(_as_json(found), one_line=not alone)
    elif alone or everything:
        _print(found, rules, everything)
    else:
        _print_line(found)


def _as_json(found: _Inspected) -> dict[str, Any]:
    from bqat_pipeline.requirements import recognition

    verdict = found.verdict
    return {
        "file": str(found.file),
        **{name: found.row.get(name) for name in without_personal(found.row)},
        "verdict": verdict and verdict.overall,
        "reasons": list(verdict.reasons) if verdict else [],
        "results": verdict and dict(verdict.results),
        "recognition": asdict(recognition(found.row)),
        "requirements": [asdict(outcome) for outcome in found.outcomes],
    }


def _print_line(found: _Inspected) -> None:
    if found.verdict is None:
        line = Text.assemble((_status(found.row), "bold"), printable(f"  {found.file}  {found.row['reason'] or ''}"))
    else:
        reason = found.verdict.reasons[0] if found.verdict.reasons else ""
        line = Text.assemble(_outcome(found.verdict.overall), printable(f"  {found.file}  {reason}"))
    out.print(line)


def _print(found: _Inspected, rules: "RuleSet", everything: bool) -> None:
    row = found.row
    out.print(f"{found.file}: {_status(row)}", style="bold")
    if row["reason"]:
        out.print(str(row["reason"]))
    if row.get("warnings"):
        out.print("warnings: " + ", ".join(row["warnings"]))
    if found.verdict is not None:
        out.print(Text.assemble(f"\n{rules.title}: ", _outcome(found.verdict.overall)))
        for sentence in found.verdict.reasons:
            out.print(f"  - {sentence}")
        _print_outcomes(found.outcomes)
        _print_recognition(row, rules)
    _print_columns(row, everything)


def _print_outcomes(outcomes: "tuple[RequirementOutcome, ...]") -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("requirement")
    table.add_column("value", justify="right")
    table.add_column("limit")
    table.add_column("result")
    table.add_column("force")
    for outcome in outcomes:
        table.add_row(outcome.title, _value(outcome), outcome.limit, _outcome(outcome.outcome), outcome.severity)
    print_table(table)


def _print_recognition(row: dict[str, Any], rules: "RuleSet") -> None:
    """The second verdict, unless it is the first one too."""
    from bqat_pipeline.requirements import RECOGNITION, recognition

    if rules.name == RECOGNITION:
        return
    second = recognition(row)
    utility = "" if second.utility is None else f" (utility {second.utility:.0f} of 100)"
    out.print(Text.assemble("\nFit for recognition: ", _outcome(second.verdict), utility))
    for sentence in second.reasons:
        out.print(f"  - {sentence}")


def _value(outcome: "RequirementOutcome") -> str:
    if outcome.value is None:
        return "-"
    if outcome.limit in ("yes", "no"):
        return "yes" if outcome.value else "no"
    unit = f" {outcome.unit}" if outcome.unit in ("px", "deg", "bits", "bytes") else ""
    error = f" ± {outcome.error:{outcome.format}}" if outcome.error else ""
    return f"{outcome.value:{outcome.format}}{error}{unit}"


def _print_columns(row: dict[str, Any], everything: bool) -> None:
    shown = (
        (c for c in FACE if not c.personal)
        if everything
        else [c for c in FACE.group("iso") if not c.name.endswith("_score")]
    )
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
        if column.error:
            text = f"{value:.1f} ± {column.error:.1f}"
        table.add_row(column.title, text, column.unit, "" if score is None else str(score))
    print_table(table)


def _status(row: dict[str, Any]) -> str:
    """The status as text; `ok` becomes `measured`, because it would be mistaken for a verdict."""
    status = str(row["status"])
    return "measured" if status == "ok" else status.replace("_", " ")


def _outcome(result: str) -> Text:
    return Text(result.replace("_", " "), style=_COLOURS.get(result, ""))
