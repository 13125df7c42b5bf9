"""The image table of a generation: every listed file, in order, with its row number."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.listing import ListedFile, NameFilter, Skipped, list_source
from bqat_pipeline.datasets.records import DatasetRecord, Source

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
]
IMAGES_SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True)
class Listing:
    """What listing a data set found.

    Attributes
    ----------
    digest : SHA-256 over source, path, size, time and problem of every file, in order.
    files, size : Number of files and their bytes.
    skipped : Folders that were not entered, by reason.
    """

    digest: str
    files: int
    size: int
    skipped: dict[str, int]


def write_listing(record: DatasetRecord, target: Path) -> Listing:
    """List the sources of a data set into a Parquet file on local disk, in constant memory per folder.

    Raises
    ------
    FileNotFoundError : when a source does not exist.
    ValueError : when the pattern of the options is not a regular expression.
    """
    digest = hashlib.sha256()
    skipped = Skipped()
    names = NameFilter.of(record.options)
    row = size = 0
    with pq.ParquetWriter(target, IMAGES_SCHEMA, compression="zstd") as writer:
        for number, source in enumerate(record.sources):
            batch: list[ListedFile] = []
            for found in list_source(source, names, skipped):
                digest.update(b"%d\0%b\0%d\0%d\0%b\n" % (number, *_identity(source, found)))
                size += found.size
                batch.append(found)
                if len(batch) == _BATCH:
                    row += _write(writer, number, source, batch, row)
                    batch = []
            row += _write(writer, number, source, batch, row)
    return Listing(digest.hexdigest(), row, size, dict(skipped.counts))


def scratch_file(suffix: str) -> Path:
    """A new file name in the folder for temporary files; its owner deletes it."""
    with tempfile.NamedTemporaryFile(prefix="bqat-", suffix=suffix, delete=False) as handle:
        return Path(handle.name)


def read_rows(images: Location, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The image table in batches, in order."""
    with images.filesystem.open_input_file(images.path) as stream:
        yield from pq.ParquetFile(stream).iter_batches(batch_size=_BATCH, columns=columns)


def _identity(source: Source, found: ListedFile) -> tuple[bytes, int, int, bytes]:
    return (source.prefix.encode() + b"/" + found.path, found.size, found.modified, found.problem.encode())


def _write(writer: pq.ParquetWriter, number: int, source: Source, batch: list[ListedFile], first: int) -> int:
    if batch:
        columns: list[pa.Array] = [
            pa.array(range(first, first + len(batch)), pa.int64()),
            pa.array([number] * len(batch), pa.int16()),
            pa.array([f.path for f in batch], pa.binary()),
            pa.array([f"{source.prefix}/{f.name}" if source.prefix else f.name for f in batch], pa.string()),
            pa.array([f.name.rpartition("/")[0] for f in batch], pa.string()),
            pa.array([f.size for f in batch], pa.int64()),
            pa.array([f.modified for f in batch], pa.timestamp("us", tz="UTC")),
            pa.array([f.problem for f in batch], pa.string()),
        ]
        writer.write_batch(pa.record_batch(columns, schema=IMAGES_SCHEMA))
    return len(batch)
