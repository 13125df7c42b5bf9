"""Printing to the terminal: control characters in names and other outside text are escaped, not interpreted."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bqat_pipeline.cli.exit_codes import PIPE_CLOSED

# Control characters, marks that reverse the direction of what follows, and bytes of names that are not UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# For JSON, whose encoder escapes the characters below 0x20 itself and whose line feeds must stay.
_UNPRINTABLE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNFOLDED = 100_000  # width, characters, at which no row of a table is folded


def printable(value: object) -> str:
    """Text on one line, in which control characters and bytes that are not UTF-8 appear as ``\\x1b``, ``\\xff``."""
    return _UNPRINTABLE.sub(lambda match: _escape(ord(match.group())), str(value))


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # how Python spells a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shorten(value: object, width: int) -> str:
    """Printable text of at most ``width`` characters; the middle is left out, since names differ at their ends."""
    text = printable(value)
    if len(text) <= width:
        return text
    end = (width - 1) * 2 // 3
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


class SafeConsole(Console):
    """A console for which plain strings are text: no markup, no emoji codes, no control characters.

    Colours come from ``style=`` and ``rich.text.Text``.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as it is shown; line feeds stay."""
        return super().render_str("\n".join(printable(line) for line in text.split("\n")), **options)

    def on_broken_pipe(self) -> None:
        """End as other programs do when the reader of a pipe has left (``bqat show | head``)."""
        silence_standard_output()
        raise SystemExit(PIPE_CLOSED)


def _own_standard_error() -> TextIO:
    """A descriptor of its own, so that it still reaches the terminal while `native_messages_to` is in force."""
    try:
        return os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    except OSError:  # standard error is closed
        return Path(os.devnull).open("w")


out = SafeConsole(markup=False, emoji=False, highlight=False, soft_wrap=True)
err = SafeConsole(file=_own_standard_error(), markup=False, emoji=False, highlight=False, soft_wrap=True)


class CliError(Exception):
    """A request that cannot be carried out; the text says what is wrong and what to do."""


def without_colours() -> None:
    """Print without colours from now on, also in processes started by this one."""
    os.environ["NO_COLOR"] = "1"
    out.no_color = err.no_color = True


def silence_standard_output() -> None:
    """Discard all further output, after the reader of the pipe has closed it."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def print_json(value: Any, *, one_line: bool = False) -> None:
    """Print a JSON document without NaN; the characters that `printable` escapes become JSON escapes."""
    text = json.dumps(value, indent=None if one_line else 2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    text = _UNPRINTABLE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def print_table(table: Table) -> None:
    """Print a table, fitted to the terminal; in a pipe or file each row is one line, whatever its length."""
    if out.is_terminal:
        out.print(table)
    else:
        SafeConsole(markup=False, emoji=False, highlight=False, width=_UNFOLDED).print(table)


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
