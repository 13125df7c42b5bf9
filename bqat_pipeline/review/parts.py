"""The files of a decision log: one JSON-lines file an action, one Parquet file for many actions."""

import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bqat_pipeline.datasets import DamagedDatasetError, Location, UnwritableDatasetError
from bqat_pipeline.datasets.stored import patiently
from bqat_pipeline.datasets.tables import TableWriter
from bqat_pipeline.review.decisions import Action, Decision

FORMAT = 1
# What must not be guessed: these files are the only place of what people decided.
_RESTORE = (
    "restore the file from a backup; or take it out of the folder, and what was decided in it has to be decided again"
)

# One row an entry. An action without entries is a row without sha256 and file.
COMPACTED = pa.schema(
    [
        pa.field("action", pa.string(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("decision", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("reviewer", pa.string()),
        pa.field("generation", pa.string(), nullable=False),
        pa.field("matching", pa.int64(), nullable=False),
        pa.field("undoes", pa.string()),
        pa.field("passed_over", pa.int64(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("file", pa.string()),
        pa.field("value", pa.string()),
    ]
)
_HEADER = COMPACTED.names[:9]


@dataclass(frozen=True)
class Part:
    """An action with its pictures.

    Attributes
    ----------
    values : For an undo: by picture, the id of the action from which it has its decision afterwards, None for none.
        None for other actions: it is their own.
    """

    action: Action
    sha256: pa.Array
    files: pa.Array
    values: Sequence[str | None] | None = None

    def __len__(self) -> int:
        return len(self.files)


def write_part(place: Location, part: Part, what: str) -> None:
    """Put the part of an action in place, in one step and durably.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    header = {"format": FORMAT, **_header(part.action), "rows": len(part)}
    dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    lines = [dump(header)]
    shas, files = part.sha256.to_pylist(), part.files.to_pylist()
    if part.values is None:
        lines += [dump({"sha256": sha, "file": file}) for sha, file in zip(shas, files, strict=True)]
    else:
        pairs = zip(shas, files, part.values, strict=True)
        lines += [dump({"sha256": sha, "file": file, "value": value}) for sha, file, value in pairs]
    lines.append("")
    try:
        place.write_bytes("\n".join(lines).encode())
    except OSError as error:
        raise UnwritableDatasetError(what, error.strerror or str(error), error.errno) from error


def read_part(place: Location, what: str, words: type[StrEnum] = Decision) -> Part | None:
    """The part of an action, or None when it is gone.

    Parameters
    ----------
    words : What may be decided.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : when it is there.
    """
    content = patiently(place.read_bytes, what)
    if content is None:
        return None
    try:
        return _parsed(content, words)
    except (ValueError, KeyError, TypeError) as error:
        reason = (
            "it is empty" if not content else str(error) if isinstance(error, _MalformedError) else "it is no such file"
        )
        raise DamagedDatasetError(what, reason, _RESTORE) from error


def write_compacted(place: Location, parts: Iterator[Part], what: str) -> None:
    """Put a part that holds many actions in place, in one step and durably.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    try:
        with TableWriter(place, COMPACTED) as writer:
            for batch in _gathered(parts):
                writer.write(batch)
    except OSError as error:
        raise UnwritableDatasetError(what, error.strerror or str(error), error.errno) from error


def read_compacted(
    place: Location, known: Container[str], what: str, words: type[StrEnum] = Decision
) -> list[Part] | None:
    """The actions of a part of many that are not known yet, or None when it is gone.

    Parameters
    ----------
    words : What may be decided.

    Raises
    ------
    UnreadableDatasetError, DamagedDatasetError : when it is there.
    """

    def read() -> list[Part]:
        with place.filesystem.open_input_file(place.path) as stream:
            opened = pq.ParquetFile(stream)
            ids = opened.read(columns=["action"])["action"].unique().to_pylist()
            if all(action in known for action in ids):
                return []
            return list(_parts(opened.read(columns=COMPACTED.names), known, words))

    try:
        return patiently(read, what)
    except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise DamagedDatasetError(what, str(error).split("\n", 1)[0][:300], _RESTORE) from error


class _MalformedError(ValueError):
    """Content of a file that was cut or comes from elsewhere."""


def _header(action: Action) -> dict[str, Any]:
    return {
        "action": action.id,
        "time": action.time_ns,
        "decision": action.decision.value if action.decision else None,
        "reason": action.reason,
        "reviewer": action.reviewer,
        "generation": action.generation,
        "matching": action.matching,
        "undoes": action.undoes,
        "passed_over": action.passed_over,
    }


def _action(header: dict[str, Any], words: type[StrEnum]) -> Action:
    return Action(
        id=header["action"],
        decision=None if header["decision"] is None else words(header["decision"]),
        reason=header["reason"],
        reviewer=header["reviewer"],
        generation=header["generation"],
        matching=int(header["matching"]),
        undoes=header["undoes"],
        passed_over=int(header["passed_over"]),
        time_ns=int(header["time"]),
    )


def _parsed(content: bytes, words: type[StrEnum]) -> Part:
    if not content.endswith(b"\n"):
        raise _MalformedError("its end is missing")
    header, *lines = content.decode().split("\n")[:-1]
    head = json.loads(header)
    if head["format"] != FORMAT:
        raise _MalformedError(f"it is of format {head['format']}, of a later version of this software")
    if head["rows"] != len(lines):
        raise _MalformedError(f"{len(lines)} of {head['rows']} pictures are there")
    action = _action(head, words)
    rows = json.loads(f"[{','.join(lines)}]")
    return Part(
        action,
        pa.array([row["sha256"] for row in rows], pa.string()),
        pa.array([row["file"] for row in rows], pa.string()),
        None if action.undoes is None else [row["value"] for row in rows],
    )


_BATCH = 50_000


def _gathered(parts: Iterator[Part]) -> Iterator[pa.RecordBatch]:
    """Entries of many small actions in batches of a useful size."""
    waiting: list[Part] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part)
        if rows >= _BATCH or len(waiting) >= _BATCH // 10:
            yield _batch(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _batch(waiting)


def _batch(parts: Sequence[Part]) -> pa.RecordBatch:
    """Entries of some actions, in their order."""
    nothing = pa.nulls(1, pa.string())
    sizes = [max(1, len(part)) for part in parts]
    number = pa.array(np.repeat(np.arange(len(parts)), sizes))
    headers = [_header(part.action) for part in parts]
    columns = [pa.array([header[name] for header in headers], COMPACTED.field(name).type) for name in _HEADER]
    columns = [column.take(number) for column in columns]
    columns.append(pa.concat_arrays([part.sha256 if len(part) else nothing for part in parts]))
    columns.append(pa.concat_arrays([part.files if len(part) else nothing for part in parts]))
    columns.append(
        pa.concat_arrays(
            [
                pa.nulls(size, pa.string())
                if part.values is None or not len(part)
                else pa.array(part.values, pa.string())
                for part, size in zip(parts, sizes, strict=True)
            ]
        )
    )
    return pa.RecordBatch.from_arrays(columns, schema=COMPACTED)


def _parts(table: pa.Table, known: Container[str], words: type[StrEnum]) -> Iterator[Part]:
    """The actions of a table, in which the entries of each are together."""
    columns = {name: _whole(table[name]) for name in ("sha256", "file", "value")}
    numbers = np.asarray(_whole(table["action"]).dictionary_encode().indices)
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]])) if len(numbers) else numbers
    heads = table.select(_HEADER).take(pa.array(starts)).to_pylist()
    ends = [*starts[1:].tolist(), len(numbers)]
    done: set[str] = set()
    for head, start, end in zip(heads, starts.tolist(), ends, strict=False):
        action = _action(head, words)
        if action.id in known or action.id in done:
            continue
        done.add(action.id)
        length = end - start
        if length == 1 and not columns["file"][start].is_valid:
            length = 0
        sha256, files, values = (column.slice(start, length) for column in columns.values())
        yield Part(action, sha256, files, None if action.undoes is None else values.to_pylist())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.array([], pa.string())])
