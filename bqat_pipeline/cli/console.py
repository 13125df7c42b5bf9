"""What the command line prints with, and how it fails."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
# A descriptor of its own, so that it still reaches the terminal while `native_messages_to` is in force.
err = Console(file=os.fdopen(os.dup(2), "w", buffering=1), highlight=False, soft_wrap=True)


class CliError(Exception):
    """A request that cannot be carried out; the text names the thing and the way out."""


def fail(message: str, code: int = 2) -> NoReturn:
    """Print a message to standard error and end."""
    err.print("error:", style="bold red", end=" ")
    err.print(message, markup=False)
    sys.exit(code)


def print_json(value: Any) -> None:
    """One JSON document to standard output, never with NaN."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n")


@contextmanager
def native_messages_to(log: Path) -> Iterator[None]:
    """Send standard error of this process and of those it starts to a file while the block runs.

    Decoders and inference libraries write there directly, once for each worker or damaged picture.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(target, 2)
    os.close(target)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
