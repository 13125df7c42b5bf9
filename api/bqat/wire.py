"""Objects of the BQAT API: times, profile records, task and data-set logs."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from api.http.json_values import finite, wire_time
from api.tasks.task import Status, Task
from bqat_pipeline.columns import ALL_COLUMNS, DOUBTFUL, MEASURED, columns_for
from bqat_pipeline.datasets import DatasetRecord, Manifest, Progress, ScanOptions

# Label in `log` of a row without a measurement, by status; the labels are those of the BQAT API.
_LOG_LABEL: Mapping[str, str] = {
    "unreadable": "load image",
    "too_large": "load image",
    "timeout": "load image",
    "crashed": "load image",
    "vanished": "load image",
    "no_face": "face detection",
    "doubtful_face": "face detection",
    "no_landmarks": "face mesh",
}


# profiles


@lru_cache(maxsize=32)
def wire_columns(engine: str, fusion: int | None) -> tuple[str, ...]:
    """Names of the columns that the BQAT-compatible routes return, in order."""
    return tuple(columns_for(engine, fusion).wire().names)


# Columns that a wire record is made from, besides those that it shows.
HELPERS = ("row", "status", "reason")


# Columns that hold an angle's category as a word, such as `Frontal`.
POSES = ("yaw_pose", "pitch_pose", "roll_pose")


def profile(row: Mapping[str, Any], names: Iterable[str], *, lower_pose: bool = False) -> dict[str, Any]:
    """Profile record of one row: its columns without nulls, `tag`, and `log` when the row was not measured.

    Parameters
    ----------
    lower_pose : Write the values of `POSES` in lower case (`BQAT_WIRE_POSE`).
    """
    status = row.get("status") or "ok"
    if status in DOUBTFUL:  # such clients know faces and pictures without one
        names = [name for name in names if not _is_of_face(name)]
    record = {name: value for name in names if (value := finite(row.get(name))) is not None}
    if lower_pose:
        record |= {name: record[name].lower() for name in POSES if name in record}
    if row.get("row") is not None:
        record["tag"] = row_tag(row["row"], row["file"])
    if status not in MEASURED:
        reason = row.get("reason") or status.replace("_", " ")
        record["log"] = [{_LOG_LABEL.get(status, status): reason}]
        if status in ("no_face", *DOUBTFUL):
            record["log"].append({"face mesh": reason})
    return record


def _is_of_face(name: str) -> bool:
    """Whether our engine measures a column on a face; what other engines say of the picture is theirs."""
    column = ALL_COLUMNS.get(name)
    return column is not None and column.group in ("bqat", "iso", "aux") and not column.of_picture


def row_tag(row: int, file: str) -> str:
    """Id of a profile within its data set: its row number in hexadecimal, and a hash of its file name as a check."""
    return f"{row:x}-{sha256(file.encode()).hexdigest()[:12]}"


def parse_tag(tag: str) -> int | None:
    """Row number of a `row_tag`, or None when the text is not one."""
    number, separator, digest = tag.partition("-")
    if not separator or len(digest) != 12 or not 0 < len(number) <= 15:
        return None
    try:
        return int(number, 16)
    except ValueError:
        return None


# options


def scan_options(options: ScanOptions) -> dict[str, Any]:
    """Options of a scan as clients know them: `mode` always, the others when set."""
    return options.model_dump(mode="json", exclude_none=True)


# logs


def scan_log(
    task: Task, record: DatasetRecord | None, manifest: Manifest | None, progress: Progress | None, logs: list[str]
) -> dict[str, Any]:
    """Log of a scan task; without a record, that of a scan whose data set was deleted."""
    total, finished = counts(task, manifest, progress)
    return {
        "tid": task.id,
        "options": scan_options(record.options if record else ScanOptions()),
        "collection": str(record.id) if record else task.collection or "",
        "status": int(task.status),
        "input": _shown_input(task.input, record),
        "total": total,
        "finished": finished,
        "elapse": task.elapse,
        "modified": wire_time(task.modified),
        "logs": logs,
    }


def _shown_input(given: str | None, record: DatasetRecord | None) -> str:
    """The folder as the client named it; the client path (`data/helen`) for an absolute path of the server."""
    known = record.sources[0].prefix if record and record.sources else ""
    return known if not given or given.startswith("/") else given


def counts(task: Task, manifest: Manifest | None, progress: Progress | None) -> tuple[int, int]:
    """Files found and files done of a scan task."""
    if task.status is Status.DONE and manifest is not None:
        return manifest.rows, manifest.rows
    if progress is not None and progress.run_id in task.run_ids:
        return max(progress.total, progress.done), progress.done
    return task.total, 0


def live_entry(task: Task, manifest: Manifest | None, progress: Progress | None) -> dict[str, int]:
    """Live progress of a waiting or running scan. `done` stays below `total`: equal, clients take it for ended."""
    total, done = counts(task, manifest, progress)
    eta = progress.eta if progress is not None and progress.run_id in task.run_ids else None
    return {"total": total, "done": min(done, max(0, total - 1)), "eta": max(0, eta or 0)}


def outlier_log(task: Task, options: Mapping[str, Any], logs: list[str]) -> dict[str, Any]:
    """Log of an outlier task."""
    return {
        "tid": task.id,
        "collection": task.collection,
        "options": dict(options),
        "modified": wire_time(task.modified),
        "status": int(task.status),
        "logs": logs,
    }


def report_log(
    task: Task, options: Mapping[str, Any], record: DatasetRecord | None, manifest: Manifest | None, logs: list[str]
) -> dict[str, Any]:
    """Log of a report task; a report made from an uploaded table has no data set behind it."""
    done = task.status is Status.DONE
    shown = {"minimal": bool(options.get("minimal", False)), "downsample": float(options.get("downsample") or 1.0)}
    metadata = None
    if record is not None:
        length = round((manifest.rows if manifest else 0) * shown["downsample"])
        metadata = {**scan_options(record.options), "length": length}
    collection = task.collection or (str(record.id) if record else task.id)
    return {
        "tid": task.id,
        "collection": collection,
        "external_input": None,
        "options": shown,
        "metadata": metadata,
        "file_id": task.newest.id.replace("-", "")[:24] if done else None,
        "filename": f"report_{collection}.html" if done else None,
        "modified": wire_time(task.modified),
        "status": int(task.status),
        "logs": logs,
    }


def preprocessing_log(task: Task, options: Mapping[str, Any], logs: list[str]) -> dict[str, Any]:
    """Log of a preprocessing task."""
    return {
        "tid": task.id,
        "source": task.input or "",
        "target": options.get("target") if task.status is Status.DONE else None,
        "input_format": list(options.get("input_format") or ()),
        "options": dict(options.get("options") or {}),
        "modified": wire_time(task.modified),
        "status": int(task.status),
        "logs": logs,
    }


def dataset_log(record: DatasetRecord, manifest: Manifest | None, rows: int) -> dict[str, Any]:
    """Log of a data set with its number of profiles."""
    return {
        "collection": str(record.id),
        "options": scan_options(record.options),
        "created": wire_time(record.created),
        "modified": wire_time(manifest.created if manifest else record.created),
        "samples": rows,
        "logs": [],
    }
