"""Reading a table as people have it: comma, semicolon or tab, Unicode or Windows-1252, with or without a header."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pacsv

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.listing import EXTENSIONS

_BLOCK = 4 << 20
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# The mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = ((b"PK\x03\x04", "an Excel workbook or a zip archive"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook"))


class MetadataError(ValueError):
    """The metadata table cannot be used; the message says why and what to do."""


@dataclass
class Table:
    """How a table is written.

    Attributes
    ----------
    encoding : As Python's codecs call it.
    separator : Between two cells.
    skip : Lines before the header (Excel's ``sep=;``).
    names_column : Number of the column that names pictures where the first line is no header, but a picture's; else -1.
    passed_over : Lines with another number of cells than the header, counted while blocks are read.
    """

    place: Location
    encoding: str
    separator: str
    skip: int = 0
    names_column: int = -1
    passed_over: int = field(default=0, init=False)

    @property
    def description(self) -> str:
        """Name of the file, and how it was read where that is not the usual way."""
        notes = [] if self.encoding == "utf-8" else [self.encoding.upper().replace("CP", "Windows-")]
        notes += [] if self.separator == "," else [f"{_SEPARATORS.get(self.separator, self.separator)}-separated"]
        notes += ["without a header: its columns are numbered"] if self.names_column >= 0 else []
        return f"{self.place.name} ({', '.join(notes)})" if notes else self.place.name

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """All columns as text, a few megabytes at a time; columns of one name are numbered.

        Without a header the column that names pictures is called ``file``, the others ``column 2`` and so on.

        Raises
        ------
        MetadataError : when the content is no table, or a quote is opened and not closed.
        """
        try:
            self._check_quotes()
            yield from self._blocks()
        except (OSError, pa.ArrowException, UnicodeError) as error:
            raise MetadataError(f"the metadata table {self.place.name} cannot be read: {_line(error)}") from error

    def _blocks(self) -> Iterator[pa.RecordBatch]:
        headless = self.names_column >= 0
        reading = pacsv.ReadOptions(
            block_size=_BLOCK, encoding=self.encoding, skip_rows=self.skip, autogenerate_column_names=headless
        )
        with self.place.filesystem.open_input_stream(self.place.path) as stream:
            header = pacsv.open_csv(stream, read_options=reading, parse_options=self._parsing(count=False)).schema.names
        text = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True)
        numbered = [f"column {number}" for number in range(1, len(header) + 1)]
        names = numbered if headless else _numbered(header)
        if headless:
            names[self.names_column] = "file"
        with self.place.filesystem.open_input_stream(self.place.path) as stream:
            for block in pacsv.open_csv(
                stream, read_options=reading, parse_options=self._parsing(count=True), convert_options=text
            ):
                yield block.rename_columns(names)

    def _check_quotes(self) -> None:
        """Refuse a table in which a cell hides lines: its quote is never closed, or closed by one of another line."""
        separators = began = 0  # in a line of the table; number of the line that opens the quote
        closed = _closed_cells(self.separator)
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with self.place.filesystem.open_input_stream(self.place.path) as stream:
            for number, line in enumerate(io.TextIOWrapper(stream, encoding, "replace"), 1):
                if number == self.skip + 1:
                    separators = line.count(self.separator)
                if began and separators and line.count(self.separator) == separators:
                    break
                if began or '"' in line:
                    text = ('"' if began else "") + line.rstrip("\n")
                    began = 0 if closed.fullmatch(text) else began or number
        if began:
            raise MetadataError(
                f"line {began} of the metadata table {self.place.name} opens a quote that is not closed in it, which"
                " hides the lines after it: close or remove the quote"
            )

    def _parsing(self, *, count: bool) -> "pacsv.ParseOptions":
        def passed_over(_row: object) -> str:
            self.passed_over += count
            return "skip"

        return pacsv.ParseOptions(delimiter=self.separator, invalid_row_handler=passed_over)


def open_table(place: Location) -> Table:
    """How a table is written, found out from its content, read once from end to end.

    Raises
    ------
    MetadataError : when it cannot be read or is not text.
    """
    try:
        with place.filesystem.open_input_stream(place.path) as stream:
            start = stream.read(_BLOCK)
            encoding = _encoding_of_start(place, start) or _encoding_of_all(start, stream)
    except OSError as error:
        raise MetadataError(f"the metadata table {place.name} cannot be read: {_line(error)}") from error
    lines = start.decode(encoding, "replace").removeprefix("\ufeff").splitlines()
    first = lines[0] if lines else ""
    if first.lower().startswith("sep=") and len(first) == 5:
        return Table(place, encoding, first[4], 1, _names_column(lines[1] if len(lines) > 1 else "", first[4]))
    separator = _separator_of(first)
    return Table(place, encoding, separator, 0, _names_column(first, separator))


def _encoding_of_start(place: Location, start: bytes) -> str:
    """The encoding that the first bytes tell; empty when they do not."""
    for mark, what in _NOT_TEXT:
        if start.startswith(mark):
            raise MetadataError(f"{place.name} is {what}: save the sheet as CSV and give that")
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    # UTF-16 without a mark: every other byte of plain letters is 0.
    sample = start[:4000]
    zeros = Counter(position % 2 for position, byte in enumerate(sample) if byte == 0)
    if zeros[1] > len(sample) // 4 and not zeros[0]:
        return "utf-16-le"
    if zeros[0] > len(sample) // 4 and not zeros[1]:
        return "utf-16-be"
    if b"\0" in sample:
        raise MetadataError(f"{place.name} is not a text file")
    return ""


def _encoding_of_all(start: bytes, stream: pa.NativeFile) -> str:
    """UTF-8 when all bytes are, else the usual encoding of Windows in western Europe."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    block = start
    try:
        while block:
            decoder.decode(block)
            block = stream.read(_BLOCK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252" if _decodes(start, "cp1252") else "latin-1"
    return "utf-8"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _separator_of(header: str) -> str:
    """The separator that occurs most in the header outside of quotes."""
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in _SEPARATORS}
    return max(counts, key=lambda mark: counts[mark])


def _names_column(first: str, separator: str) -> int:
    """Number of the cell of a first line that is the name of a picture file, as no header has it; else -1."""
    for number, cell in enumerate(next(csv.reader([first], delimiter=separator), [])):
        stem, dot, extension = cell.strip().rpartition(".")
        if stem and dot and extension.lower() in EXTENSIONS:
            return number
    return -1


def _closed_cells(separator: str) -> re.Pattern[str]:
    """Matches a line of whole cells; only a quote at the beginning of a cell opens one."""
    other = f"[^{re.escape(separator)}]*+"
    cell = rf'(?:"(?:[^"]++|"")*+"{other}|(?!"){other})'
    return re.compile(f"(?:{cell}{re.escape(separator)})*+{cell}")


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        plain = name.strip()
        seen[plain] += 1
        result.append(plain if seen[plain] == 1 else f"{plain} ({seen[plain]})")
    return result


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
