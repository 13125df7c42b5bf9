"""CSV files that grow batch by batch, so that memory does not grow with their length.

They are UTF-8 and begin with a byte-order mark: without one, Excel takes accents for other letters.
"""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

# Spreadsheets read a cell that begins so as a formula (OWASP, "CSV Injection"); an apostrophe makes it text.
_FORMULA_STARTS = "=+-@\t\r\n"
_FORMULA = f"^[{re.escape(_FORMULA_STARTS)}]"


class CsvList:
    """A CSV file that grows batch by batch; the column ``row`` is a number, all others are text."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        types = [pa.int64() if name == "row" else pa.string() for name in names]
        self._schema = pa.schema(list(zip(names, types, strict=True)))
        self._stream = path.open("wb")
        self._stream.write(codecs.BOM_UTF8)
        self._writer = pacsv.CSVWriter(self._stream, self._schema)
        self.rows = 0

    def __enter__(self) -> "CsvList":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, *columns: pa.Array) -> None:
        """Append rows, one array for each column."""
        batch = pa.record_batch(list(columns), schema=self._schema)
        self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def close(self) -> None:
        self._writer.close()
        self._stream.close()


def plain(values: pa.Array) -> pa.Array:
    """Text that no spreadsheet takes for a formula: such a cell gets a leading apostrophe."""
    return pc.replace_substring_regex(values, _FORMULA, r"'\0")


def plain_cell(value: Any) -> Any:
    """One cell as ``plain`` makes it; what is no text stays as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple(_FORMULA_STARTS)) else value
