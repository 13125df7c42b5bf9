"""The image table of a generation: every listed file, in order, with its row number."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.folders import FileStat
from bqat_pipeline.datasets.listing import Earlier, ListedFile, NameFilter, list_source
from bqat_pipeline.datasets.passed_over import PassedOverTally
from bqat_pipeline.datasets.records import DatasetRecord, PassedOver, Source

_BATCH = 10_000

_FIELDS: list[pa.Field] = [
    pa.field("row", pa.int64(), metadata={"description": "Position in the data set."}),
    pa.field("source", pa.int16(), metadata={"description": "Position of the source in dataset.json."}),
    pa.field(
        "path",
        pa.binary(),
        metadata={"description": "Path relative to the source, in the bytes that the file system uses."},
    ),
    pa.field("file", pa.string(), metadata={"description": "Path as clients know it."}),
    pa.field("folder", pa.string(), metadata={"description": "Folder relative to the source; empty for the top."}),
    pa.field("file_size", pa.int64(), metadata={"description": "Bytes."}),
    pa.field("modified", pa.timestamp("us", tz="UTC")),
    pa.field("problem", pa.string(), metadata={"description": "Why the file must not be opened; empty: it may."}),
    # Absent in tables of earlier versions, and on S3.
    pa.field(
        "changed", pa.timestamp("us", tz="UTC"), metadata={"description": "Time of the last change of properties."}
    ),
    pa.field("inode", pa.uint64(), metadata={"description": "Number of the file on its file system."}),
]
IMAGES_SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True)
class Listing:
    """What listing a data set found.

    Attributes
    ----------
    digest : SHA-256 over source, path, size, times, inode and problem of every file, in order.
    files, size : Number of files and their bytes.
    found : For each source, number of files that are there.
    passed_over : What is no row.
    """

    digest: str
    files: int
    size: int
    found: list[int]
    passed_over: PassedOver


def write_listing(record: DatasetRecord, target: Path, before: Location | None = None) -> Listing:
    """List the sources of a data set into a Parquet file on local disk, in constant memory per folder.

    Parameters
    ----------
    before : Image table of an earlier listing: its files below a folder that cannot be listed now are kept.

    Raises
    ------
    FileNotFoundError : when a source does not exist.
    SourceUnreadableError : when it cannot be listed.
    ValueError : when the pattern of the options is not a regular expression.
    """
    digest = hashlib.sha256()
    tally = PassedOverTally()
    found_in: list[int] = []
    names = NameFilter.of(record.options)
    row = size = 0
    with pq.ParquetWriter(target, IMAGES_SCHEMA, compression="zstd") as writer:
        for number, source in enumerate(record.sources):
            batch: list[ListedFile] = []
            found_in.append(0)
            for found in list_source(source, names, tally, _files_of(before, number)):
                digest.update(_identity(number, source, found))
                size += found.stat.size
                found_in[-1] += found.stat.problem != "not_found"
                batch.append(found)
                if len(batch) == _BATCH:
                    row += _write(writer, number, source, batch, row)
                    batch = []
            row += _write(writer, number, source, batch, row)
    return Listing(digest.hexdigest(), row, size, found_in, tally.result())


def scratch_file(suffix: str) -> Path:
    """A new file name in the folder for temporary files; its owner deletes it."""
    with tempfile.NamedTemporaryFile(prefix="bqat-", suffix=suffix, delete=False) as handle:
        return Path(handle.name)


def read_rows(images: Location, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The image table in batches, in order."""
    with images.filesystem.open_input_file(images.path) as stream:
        yield from pq.ParquetFile(stream).iter_batches(batch_size=_BATCH, columns=columns)


def _identity(number: int, source: Source, found: ListedFile) -> bytes:
    seen = found.stat
    facts = (seen.size, seen.modified, seen.problem, seen.changed, seen.inode)
    return b"%d\0%b/%b\0%b\n" % (number, source.prefix.encode(), found.path, repr(facts).encode())


def _files_of(images: Location | None, source: int) -> Earlier | None:
    """The files of a source in an image table, by folder."""
    if images is None or not images.is_file():
        return None
    table = ds.dataset(images.path, filesystem=images.filesystem, format="parquet", schema=IMAGES_SCHEMA)

    def below(prefix: bytes) -> Iterator[ListedFile]:
        # The slash at the end of the prefix, and the byte after it: all that begins with the prefix lies between.
        path, first, last = pc.field("path"), pa.scalar(prefix), pa.scalar(prefix[:-1] + b"0")
        wanted = (pc.field("source") == source) & (path >= first) & (path < last)
        for batch in table.to_batches(columns=_STAT_COLUMNS, filter=wanted, batch_size=_BATCH, fragment_readahead=1):
            columns = [batch.column(name) for name in _STAT_COLUMNS]
            times = {"modified", "changed"}
            values = [c.cast(pa.int64()) if n in times else c for n, c in zip(_STAT_COLUMNS, columns, strict=True)]
            for name, *seen in zip(*(v.to_pylist() for v in values), strict=True):
                yield ListedFile(name, FileStat(*seen))

    return below


# Columns of the image table that make a ``FileStat``, after the path.
_STAT_COLUMNS = ["path", "file_size", "modified", "problem", "changed", "inode"]


def _write(writer: "pq.ParquetWriter", number: int, source: Source, batch: list[ListedFile], first: int) -> int:
    if batch:
        columns: list[pa.Array] = [
            pa.array(range(first, first + len(batch)), pa.int64()),
            pa.array([number] * len(batch), pa.int16()),
            pa.array([f.path for f in batch], pa.binary()),
            pa.array([f"{source.prefix}/{f.name}" if source.prefix else f.name for f in batch], pa.string()),
            pa.array([f.name.rpartition("/")[0] for f in batch], pa.string()),
            pa.array([f.stat.size for f in batch], pa.int64()),
            pa.array([f.stat.modified for f in batch], pa.timestamp("us", tz="UTC")),
            pa.array([f.stat.problem for f in batch], pa.string()),
            pa.array([f.stat.changed for f in batch], pa.timestamp("us", tz="UTC")),
            pa.array([f.stat.inode for f in batch], pa.uint64()),
        ]
        writer.write_batch(pa.record_batch(columns, schema=IMAGES_SCHEMA))
    return len(batch)
