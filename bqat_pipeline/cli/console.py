"""What the command line prints with, and how it fails."""

import json
import sys
from typing import Any, NoReturn

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


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
