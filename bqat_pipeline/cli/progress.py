"""A progress bar for a running scan, fed from progress.json."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bqat_pipeline.cli.console import err
from bqat_pipeline.datasets import DatasetStore, StorageError
from bqat_pipeline.datasets import Progress as ScanProgress
from bqat_pipeline.datasets.records import now

_POLL_SECONDS = 0.3
_LINE_EVERY_POLLS = 33  # about ten seconds, where standard error is not a terminal


@contextmanager
def watch_progress(store: DatasetStore, key: str) -> Iterator[None]:
    """Show the progress of a data set's scan while the block runs: a bar on a terminal, else a line every 10 s."""
    done = threading.Event()
    show = _bar if err.is_terminal else _lines
    thread = threading.Thread(target=show, args=(store, key, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _bar(store: DatasetStore, key: str, done: threading.Event) -> None:
    started = now()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s, {task.fields[failed]} without a face"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("starting", total=None, rate=0.0, failed=0)
        while not done.wait(_POLL_SECONDS):
            progress = _read(store, key)
            if progress is not None and progress.updated >= started:
                bar.update(
                    task,
                    description=progress.stage.replace("_", " "),
                    completed=progress.done,
                    total=progress.total or None,
                    rate=progress.rate,
                    failed=progress.failed,
                )


def _lines(store: DatasetStore, key: str, done: threading.Event) -> None:
    polls, stage = 0, ""
    while not done.wait(_POLL_SECONDS):
        polls += 1
        progress = _read(store, key) if polls % _LINE_EVERY_POLLS == 0 else None
        if progress is None:
            continue
        if progress.done < progress.total:
            eta = f", {progress.eta} s to go" if progress.eta is not None else ""
            err.print(f"{progress.stage}: {progress.done} of {progress.total}, {progress.rate:.0f}/s{eta}")
        elif progress.stage != stage:
            stage = progress.stage
            err.print(f"{stage.replace('_', ' ')} ...")


def _read(store: DatasetStore, key: str) -> ScanProgress | None:
    """Progress of the scan, None when there is none yet or the storage cannot be read: the scan reports that itself."""
    with suppress(StorageError):
        return store.progress(key)
    return None
