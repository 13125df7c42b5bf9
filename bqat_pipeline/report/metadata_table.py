"""Reading a table as people have it: comma, semicolon or tab, UTF-8, UTF-16 or Windows-1252, with or without a BOM."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.csv as pacsv

from bqat_pipeline.datasets import Location

_BLOCK = 4 << 20
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
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
    passed_over : Lines with another number of cells than the header, counted while blocks are read.
    """

    place: Location
    encoding: str
    separator: str
    skip: int = 0
    passed_over: int = field(default=0, init=False)

    @property
    def description(self) -> str:
        """Name of the file, and how it was read where that is not the usual way."""
        ways = [] if self.encoding == "utf-8" else [self.encoding.upper().replace("CP", "Windows-")]
        ways += [] if self.separator == "," else [f"{_SEPARATORS.get(self.separator, self.separator)}-separated"]
        return f"{self.place.name} ({', '.join(ways)})" if ways else self.place.name

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """All columns as text, a few megabytes at a time; columns of one name are numbered.

        Raises
        ------
        MetadataError : when the content is no table.
        """
        try:
            yield from self._blocks()
        except (OSError, pa.ArrowException, UnicodeError) as error:
            raise MetadataError(f"the metadata table {self.place.name} cannot be read: {_line(error)}") from error

    def _blocks(self) -> Iterator[pa.RecordBatch]:
        reading = pacsv.ReadOptions(block_size=_BLOCK, encoding=self.encoding, skip_rows=self.skip)
        with self.place.filesystem.open_input_stream(self.place.path) as stream:
            header = pacsv.open_csv(stream, read_options=reading, parse_options=self._parsing(count=False)).schema.names
        text = pacsv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True)
        names = _numbered(header)
        with self.place.filesystem.open_input_stream(self.place.path) as stream:
            for block in pacsv.open_csv(
                stream, read_options=reading, parse_options=self._parsing(count=True), convert_options=text
            ):
                yield block.rename_columns(names)

    def _parsing(self, *, count: bool) -> pacsv.ParseOptions:
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
        return Table(place, encoding, first[4], skip=1)
    return Table(place, encoding, _separator_of(first))


def _encoding_of_start(place: Location, start: bytes) -> str:
    """The encoding that the first bytes tell; empty when they do not."""
    for mark, what in _NOT_TEXT:
        if start.startswith(mark):
            raise MetadataError(f"{place.name} is {what}: save the sheet as CSV and give that")
    for mark, encoding in _MARKS:
        if start.startswith(mark) and encoding != "utf-8":
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
