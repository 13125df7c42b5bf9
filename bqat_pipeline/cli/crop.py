"""``bqat crop``: copies of a data set's pictures, cropped to a rule set's limits on size and position of the head."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bqat_pipeline.cli.console import CliError, err, native_messages_to, out, print_json, printable
from bqat_pipeline.cli.description import counts
from bqat_pipeline.cli.lookup import dataset, open_store
from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    from bqat_pipeline.execution.cropping import CropSummary

_LINE_EVERY_SECONDS = 10.0  # where standard error is not a terminal


def crop(name: str, folder: Path, *, rules: str, as_json: bool) -> None:
    """Write copies, cropped to a rule set's limits on size and position of the head; none is enlarged."""
    from bqat_pipeline.execution.cropping import crop_dataset
    from bqat_pipeline.requirements import load_rule_set

    store = open_store()
    record = dataset(store, name)
    try:
        chosen = load_rule_set(rules or record.requirements)
    except (OSError, ValueError, LookupError) as error:
        raise CliError(str(error)) from error
    profiles = store.profiles(record.key)
    if profiles is None:
        raise CliError(f"{record.key} has no finished scan yet")
    if folder.exists() and not folder.is_dir():
        raise CliError(f"{printable(folder)} is not a folder")
    with native_messages_to(Path(os.devnull)), _progress(profiles.count_rows()) as show:
        summary = crop_dataset(record, profiles, chosen, folder, settings(), show)
    if as_json:
        print_json(asdict(summary))
    else:
        _print(summary, chosen.name)


def _print(summary: "CropSummary", rules: str) -> None:
    total = sum(summary.outcomes.values())
    copies = sum(summary.verdicts.values())
    out.print(f"pictures   {total:,}: {counts(summary.outcomes) or 'none'}")
    out.print(
        f"copies     {copies:,}, {copies - summary.new:,} of them were there already: {printable(summary.folder)}"
    )
    if copies:
        out.print(f"verdicts   {counts(summary.verdicts)} ({rules}; {_basis(summary.measured, copies)})")
    for reason, number in summary.reasons.items():
        out.print(f"           {number:,} x {printable(reason)}")
    out.print(f"list       {printable(summary.list)}")


def _basis(measured: int, copies: int) -> str:
    if measured == copies:
        return "all as measured"
    others = "the others" if measured else "all"
    return f"{measured:,} as measured, {others} by calculation: scan the copies to be sure"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A function that shows the number of finished pictures: by a bar on a terminal, else by a line every 10 s."""
    if not err.is_terminal:
        yield _Lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("crops"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("crops", total=total)
        yield lambda done: bar.update(task, completed=done)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        if time.monotonic() - self._last >= _LINE_EVERY_SECONDS:
            self._last = time.monotonic()
            err.print(f"crops: {done} of {self._total}")
