"""What a rescan need not measure: rows whose file is the same as before.

A file is the same when path, size, time of modification, time of status change and inode are; where that leaves a doubt
(another path, another time or inode, or a time so near to the last listing that a later change could hide in it), when
its SHA-256 is. Only rows of the same engine, models, options and schema are taken over, never those that are to be
tried again (see ``retries``).

Rows of other data sets are taken by content alone, and copied: deleting one data set never touches another's rows.

Joins run in DuckDB over the Parquet files, with a memory limit; rows are copied in windows of the new order.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Generation, Location
from bqat_pipeline.datasets.images import IMAGES_SCHEMA, scratch_file
from bqat_pipeline.datasets.stored import open_table, read_model, warn_once, write_model
from bqat_pipeline.execution.bounded import bounded_map
from bqat_pipeline.execution.chunks import ScanContext, part_name
from bqat_pipeline.execution.compute import Compute
from bqat_pipeline.execution.database import DatabaseError, open_database
from bqat_pipeline.execution.elsewhere import generations_elsewhere
from bqat_pipeline.execution.generations import believed, is_whole, published
from bqat_pipeline.execution.hashing import hash_chunk
from bqat_pipeline.execution.judging import judged
from bqat_pipeline.execution.parts import intact_parts, pending_chunks
from bqat_pipeline.execution.plan import Plan, read_plan
from bqat_pipeline.execution.retries import retried_sql

logger = logging.getLogger(__name__)

# Rows copied at a time: about 35 MB of 140 columns, several times over while they are joined.
_WINDOW = 20_000
# Coarsest time stamps of file systems in use (FAT: 2 s): a file changed this shortly before a listing may have been
# changed again after it with the same time.
_GRAIN = timedelta(seconds=2)
# Old rows are numbered `source << 40 | row`.
_SOURCE_BITS = 40
# Rows that say something of the file, not of the machine at that time.
_USABLE = f"o.sha256 IS NOT NULL AND NOT {retried_sql()}"
# Files read to see whether another data set holds the same pictures.
_PROBE = 200


class Work(BaseModel):
    """What was taken over in a generation, and what is left to measure."""

    model_config = ConfigDict(frozen=True)

    reused: int
    todo: int

    def table(self, generation: Generation) -> Location:
        """The work list: files to measure, in the form of the image table."""
        return generation.todo if self.reused else generation.images


@dataclass(frozen=True)
class _Old:
    """Rows of an earlier generation, finished or not."""

    images: Location
    rows: "ds.Dataset"
    listed: datetime
    requirements_digest: str


def find_work(store: DatasetStore, key: str, plan: Plan, context: ScanContext, compute: Compute) -> Work:
    """What is left to measure of a generation; decided once, so that a resumed scan goes on with the same list.

    Puts the rows taken over and the work list in place when there is something to take over.
    """
    generation = store.generation(key, plan.generation)
    decided = _decided(generation)
    if decided is not None:
        return decided
    afresh = plan.salt and not plan.attempt
    earlier = [] if afresh else list(_earlier(store, key, plan, context))
    others = [] if afresh else list(_others(store, key, plan, context))
    # Rows of this generation: what is left of it after damage.
    own = _rows(generation, context, finished=False)
    if own is not None:
        earlier.append(_Old(generation.images, own, plan.listed, plan.requirements_digest))
    try:
        work = _joined(generation, plan, context, compute, earlier, others)
    except (OSError, pa.ArrowException, DatabaseError) as error:
        if not others:
            raise
        # One of them was deleted or published anew meanwhile, or is damaged: this scan does without.
        logger.warning("no rows of other data sets are taken over: %s", error)
        work = _joined(generation, plan, context, compute, earlier, [])
    if own is not None:
        generation.parts.delete_dir()  # named by a work list that is gone; their rows are taken over
    write_model(generation.work, work, f"{generation.work.name} of {key}")
    return work


def forget_work(generation: Generation) -> None:
    """Have the work list of a generation made again, from what is left of it."""
    generation.work.delete()


def _decided(generation: Generation) -> Work | None:
    """The work list that was decided on, when all that it consists of is there."""
    try:
        work = read_model(generation.work, Work, f"{generation.work.name} of generation {generation.name}")
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return None
    if work is None or not work.reused:
        return work
    tables = ((generation.reused, work.reused), (generation.todo, work.todo))
    whole = all(is_whole(place, rows, f"{place.name} of generation {generation.name}") for place, rows in tables)
    return work if whole else None


def _joined(
    generation: Generation,
    plan: Plan,
    context: ScanContext,
    compute: Compute,
    earlier: list["_Old"],
    others: list["_Old"],
) -> Work:
    if not earlier and not others:
        return Work(reused=0, todo=plan.files)
    own, foreign = range(len(earlier)), range(len(earlier), len(earlier) + len(others))
    with _Join(generation.images, [*earlier, *others]) as join:
        if own:
            join.match_by_time(own)
            join.match_by_content(context, compute, own)
        # Files of another place are read for nothing where they are not the same pictures: a few tell.
        if foreign and join.match_by_content(context, compute, foreign, most=_PROBE):
            join.match_by_content(context, compute, foreign)
        reused = join.write_reused(generation.reused, context, plan.requirements_digest)
        if reused:
            join.write_todo(generation.todo)
    return Work(reused=reused, todo=plan.files - reused)


def _earlier(store: DatasetStore, key: str, plan: Plan, context: ScanContext) -> Iterator[_Old]:
    """Generations with rows that may be taken over: the published one, and those that were left unfinished or damaged.

    The one before as well, when the published one lost rows to folders that could not be read.
    """
    current = published(store, key)
    complete: set[str | None] = set()
    if current is not None:
        complete.add(current.generation)
        if current.passed_over.kept_files:
            complete.add(current.previous)
    for name in store.generations(key):
        generation = store.generation(key, name)
        if name == plan.generation:
            continue
        old = read_plan(generation.plan)
        images = generation.images
        if (
            old is None
            or old.rows_digest != plan.rows_digest
            or not is_whole(images, old.files, f"{images.name} of {key}")
        ):
            continue
        finished = believed(store, key, name) is not None
        rows = _rows(generation, context, finished) if name in complete or not finished else None
        if rows is not None:
            yield _Old(images, rows, old.listed, old.requirements_digest)


def _others(store: DatasetStore, key: str, plan: Plan, context: ScanContext) -> Iterator[_Old]:
    """Published generations of other data sets."""
    for generation, old in generations_elsewhere(store, key, plan):
        try:
            rows = _rows(generation, context, finished=True)
        except (OSError, pa.ArrowException):
            continue  # deleted meanwhile
        if rows is not None:
            yield _Old(generation.images, rows, old.listed, old.requirements_digest)


def _rows(generation: Generation, context: ScanContext, finished: bool) -> "ds.Dataset | None":
    """Rows of a generation; of one that is not complete, or not any more, those of its files that open."""
    profiles = generation.profiles
    if finished:
        return ds.dataset(profiles.path, filesystem=profiles.filesystem, format="parquet")
    schema, filesystem = context.schema, generation.folder.filesystem
    tables = [profiles / info.base_name for info in profiles.iterdir() if info.base_name.endswith(".parquet")]
    datasets = [found for table in (*tables, generation.reused) if (found := _opened(table, schema)) is not None]
    folder = generation.parts
    parts = [(folder / part_name(*part)).path for part in intact_parts(folder)]
    if parts:
        datasets.append(
            ds.FileSystemDataset.from_paths(parts, schema=schema, format=ds.IpcFileFormat(), filesystem=filesystem)
        )
    return ds.dataset(datasets) if datasets else None


def _opened(table: Location, schema: pa.Schema) -> "ds.Dataset | None":
    """A Parquet file of profiles, or None where it is missing, damaged or of another form."""
    try:
        found = open_table(table, table.name)
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return None
    return found if found is not None and found.schema.equals(schema) else None


class _Join:
    """New files against old rows, in a DuckDB that lives for one rescan."""

    def __init__(self, images: Location, earlier: list[_Old]) -> None:
        self._images = images
        self._earlier = earlier
        self._stack = ExitStack()

    def __enter__(self) -> "_Join":
        self._db = self._stack.enter_context(open_database())
        self._db.register("images", _dataset(self._images))
        parts = ["SELECT NULL::BIGINT AS id, NULL AS file, 0 AS file_size, NULL AS modified, NULL AS sha256 LIMIT 0"]
        for number, old in enumerate(self._earlier):
            self._db.register(f"old{number}", old.rows)
            self._db.register(f"listed{number}", _dataset(old.images))
            parts.append(
                f"SELECT row + ({number}::BIGINT << {_SOURCE_BITS}) AS id, file, file_size, modified, sha256 "
                f"FROM old{number} o WHERE {_USABLE}"
            )
        self._db.execute("CREATE VIEW old AS " + " UNION ALL ".join(f"({part})" for part in parts))
        self._db.execute("CREATE TABLE taken (row BIGINT, id BIGINT, by_content BOOLEAN)")
        self._db.execute("CREATE TABLE hashes (row BIGINT, sha256 VARCHAR)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)  # not close(): DuckDB's errors become ours on the way out

    def match_by_time(self, sources: range) -> None:
        """Take rows of some sources whose path, size, times and inode are as they were, the times beyond doubt.

        What a listing of an earlier version, or of S3, does not know is not compared.
        """
        for number in sources:
            old = self._earlier[number]
            self._db.execute(
                f"""INSERT INTO taken SELECT n.row, min(o.row) + ({number}::BIGINT << {_SOURCE_BITS}), false
                FROM images n JOIN listed{number} l ON n.file = l.file AND n.file_size = l.file_size
                AND n.modified = l.modified AND coalesce(n.changed = l.changed AND n.inode = l.inode, true)
                JOIN old{number} o ON o.row = l.row
                WHERE n.problem = '' AND {_USABLE}
                AND greatest(n.modified, n.changed) < ? AND n.row NOT IN (SELECT row FROM taken) GROUP BY n.row""",
                [old.listed - _GRAIN],
            )

    def match_by_content(self, context: ScanContext, compute: Compute, sources: range, most: int = 0) -> int:
        """Take rows of some sources whose bytes are the same, for files that have the size of an old one.

        Parameters
        ----------
        most : Read no more than so many files, spread over the list; 0: all.

        Returns
        -------
        int : Number of rows taken.
        """
        among = f"id >= {sources.start << _SOURCE_BITS} AND id < {sources.stop << _SOURCE_BITS}"
        candidates = scratch_file(".parquet")
        try:
            count = self._write(
                f"""SELECT n.* FROM images n WHERE n.problem = '' AND n.row NOT IN (SELECT row FROM taken)
                AND n.row NOT IN (SELECT row FROM hashes) AND n.file_size IN (SELECT file_size FROM old WHERE {among})
                ORDER BY {f"hash(n.row) LIMIT {most}" if most else "n.row"}""",
                candidates,
            )
            size = max(1, min(1_000, count // (4 * compute.workers)))
            chunks = pending_chunks(Location.parse(candidates), [], count, size)
            hashing = partial(hash_chunk, context.roots)
            for _, future in bounded_map(
                hashing, chunks, compute.executor, window=compute.window, on_tick=compute.check
            ):
                hashed = future.result()
                rows = pa.table({"row": [row for row, _ in hashed], "sha256": [digest for _, digest in hashed]})
                self._db.register("hashed", rows)
                self._db.execute("INSERT INTO hashes SELECT row, sha256 FROM hashed")
            before = self._number("SELECT count(*) FROM taken")
            self._db.execute(
                f"""INSERT INTO taken SELECT h.row, min(o.id), true FROM hashes h JOIN old o USING (sha256)
                WHERE {among} AND h.row NOT IN (SELECT row FROM taken) GROUP BY h.row"""
            )
            return self._number("SELECT count(*) FROM taken") - before
        finally:
            candidates.unlink(missing_ok=True)

    def write_reused(self, place: Location, context: ScanContext, requirements_digest: str) -> int:
        """Put the rows taken in place, in the new order; answers their number."""
        total = self._number("SELECT count(*) FROM taken")
        if not total:
            return 0
        schema = context.schema
        scratch = scratch_file(".parquet")
        try:
            with pq.ParquetWriter(scratch, schema, compression="zstd") as writer:
                last = self._number("SELECT max(row) FROM taken")
                for start in range(0, last + 1, _WINDOW):
                    table = self._window(start, schema)
                    if table.num_rows:
                        writer.write_table(self._with_verdicts(table, context, requirements_digest).drop(["_source"]))
            place.put_file(scratch)
        finally:
            scratch.unlink(missing_ok=True)
        return total

    def write_todo(self, place: Location) -> None:
        scratch = scratch_file(".parquet")
        try:
            self._write("SELECT * FROM images WHERE row NOT IN (SELECT row FROM taken) ORDER BY row", scratch)
            place.put_file(scratch)
        finally:
            scratch.unlink(missing_ok=True)

    def _window(self, start: int, schema: pa.Schema) -> pa.Table:
        """The taken rows with numbers in [start, start + _WINDOW), sorted, with all columns and ``_source``."""
        tables = []
        columns = ", ".join(f'o."{name}"' for name in schema.names if name not in _RENEWED)
        for number in range(len(self._earlier)):
            base = number << _SOURCE_BITS
            bounds = self._row(
                "SELECT min(id), max(id) FROM taken WHERE row >= ? AND row < ? AND id >= ? AND id < ?",
                [start, start + _WINDOW, base, base + (1 << _SOURCE_BITS)],
            )
            if bounds[0] is None:
                continue
            # The bounds as numbers in the text: they let the scan pass over row groups.
            low, high = int(bounds[0]) - base, int(bounds[1]) - base
            tables.append(
                self._db.sql(
                    f"""SELECT n.row, n.file, n.folder, n.file_size, n.modified, {columns}, {number} AS _source
                    FROM taken t JOIN old{number} o ON o.row = t.id - {base}
                    JOIN images n ON n.row = t.row
                    WHERE o.row >= {low} AND o.row <= {high} AND t.id >= {base + low} AND t.id <= {base + high}
                    AND t.row >= {start} AND t.row < {start + _WINDOW}
                    AND n.row >= {start} AND n.row < {start + _WINDOW}"""
                )
                .to_arrow_table()
                .select([*schema.names, "_source"])
                .cast(schema.append(pa.field("_source", pa.int32())))
            )
        return _first_of_each(pa.concat_tables(tables).sort_by("row")) if tables else schema.empty_table()

    def _with_verdicts(self, table: pa.Table, context: ScanContext, requirements_digest: str) -> pa.Table:
        stale = [n for n, old in enumerate(self._earlier) if old.requirements_digest != requirements_digest]
        return judged(table, context.rules) if stale and "verdict" in table.column_names else table

    def _write(self, query: str, target: Path) -> int:
        """Write the result of a query over images; answers its number of rows."""
        rows = 0
        with pq.ParquetWriter(target, IMAGES_SCHEMA, compression="zstd") as writer:
            for batch in self._db.sql(query).to_arrow_reader(10_000):
                writer.write_table(pa.Table.from_batches([batch]).cast(IMAGES_SCHEMA))
                rows += batch.num_rows
        return rows

    def _number(self, query: str) -> int:
        return int(self._row(query)[0] or 0)

    def _row(self, query: str, values: list[Any] | None = None) -> tuple[Any, ...]:
        """The one row of a result; all of it is fetched, as DuckDB does nothing else before that."""
        return self._db.execute(query, values or []).fetchall()[0]


# Columns of a row that come from the new listing.
_RENEWED = {"row", "file", "folder", "file_size", "modified"}


def _first_of_each(table: pa.Table) -> pa.Table:
    """A table sorted by row number with each number once: two files of an unfinished generation may hold one row."""
    rows = table["row"].to_numpy()
    return table.filter(pa.array(np.append(True, rows[1:] != rows[:-1]))) if len(rows) else table


def _dataset(images: Location) -> "ds.Dataset":
    """An image table, of this version or of an earlier one with fewer columns."""
    return ds.dataset(images.path, filesystem=images.filesystem, format="parquet", schema=IMAGES_SCHEMA)
