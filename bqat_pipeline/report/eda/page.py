"""The EDA page: every column in detail, drawn by ydata-profiling in a child process with limits.

A second file beside the report, which never depends on it. Interaction plots are never drawn: on a thousand rows they
take minutes, gigabytes, and a page of hundreds of megabytes.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bqat_pipeline import __version__
from bqat_pipeline.columns import MEASURED, Column, columns_for
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.report.aggregates import stream
from bqat_pipeline.report.formatting import count
from bqat_pipeline.report.inputs import NothingToReportError
from bqat_pipeline.report.page import for_gui
from bqat_pipeline.report.write import put_eda
from bqat_pipeline.settings import Settings, settings

MAX_ROWS = 100_000  # beyond, a sample is drawn: the page says the same and takes a third of the time
SAMPLE_ROWS = 50_000
_SEED = 20260101
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'\">"
)
# Characters that mean something in HTML become ones that look alike: ydata-profiling 4.18 escapes some texts only.
HARMLESS = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "&": "＆", "`": "’"})
_SINGLE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


_OUT_OF_MEMORY = ("MemoryError", "Unable to allocate", "Cannot allocate memory", "can't start new thread")


class EdaError(RuntimeError):
    """The EDA page could not be made; the message says why and what to do."""


@dataclass(frozen=True)
class EdaTable:
    """What an EDA page is about.

    Attributes
    ----------
    table : The rows, already sampled.
    types : Column to ``Numeric``, ``Boolean`` or ``Categorical``.
    descriptions : Column to a sentence.
    description : Of the whole.
    total : Rows before sampling.
    """

    table: pa.Table
    types: dict[str, str]
    descriptions: dict[str, str]
    description: str
    total: int


def write_eda(
    store: DatasetStore, key: str, *, minimal: bool = True, downsample: float = 1.0, chosen: Settings | None = None
) -> Location:
    """Write ``eda.html`` into the report folder of a data set and link it from the report; returns where it is.

    Parameters
    ----------
    store, key : The data set.
    minimal : Leave out rank correlations and the chart of missing values.
    downsample : Share of the rows to use, above 0 to 1; drawn with a fixed seed.
    chosen : Settings of this process by default: ``BQAT_EDA_TIMEOUT``, ``BQAT_EDA_MEMORY``.

    Raises
    ------
    UnknownDatasetError : when there is no such data set, or it was deleted meanwhile.
    NothingToReportError : before the first finished scan, and when no face was measured.
    EdaError : when the page takes too long or too much memory, or ydata-profiling fails.
    """
    record, manifest, profiles = store.record(key), store.manifest(key), store.profiles(key)
    if profiles is None or manifest is None:
        raise NothingToReportError(f"{key} has no finished scan yet; scan it first")
    names = set(profiles.schema.names)
    columns = [c for c in columns_for(record.options.engine, record.options.fusion) if c.name in names and _kind(c)]
    total = profiles.count_rows(filter=pc.field("status").isin(list(MEASURED)))
    if not total:
        raise NothingToReportError(f"{key} has no picture with a measured face")
    generator = np.random.default_rng(_SEED)
    batches = []
    for batch in stream(profiles, ["status", *(c.name for c in columns)]):
        measured = batch.filter(pc.is_in(batch.column("status"), value_set=pa.array(MEASURED)))
        keep = generator.random(measured.num_rows) < share_to_keep(total, downsample)
        batches.append(measured.filter(pa.array(keep)).select([c.name for c in columns]))
    what = EdaTable(
        table=pa.Table.from_batches(batches),
        types={c.name: _kind(c) for c in columns},
        descriptions={c.name: c.description for c in columns},
        description=f"Face profiles of {record.name}, engine {record.options.engine}.",
        total=total,
    )
    return put_eda(store, key, manifest.generation, draw(what, minimal=minimal, chosen=chosen or settings()))


def share_to_keep(rows: int, downsample: float) -> float:
    """Share of the rows that goes into the page."""
    if not 0 < downsample <= 1:
        raise EdaError(f"downsample is {downsample:g}; it must lie above 0 and at most at 1")
    wanted = rows * downsample
    return downsample if wanted <= MAX_ROWS else SAMPLE_ROWS / rows


def draw(what: EdaTable, *, minimal: bool, chosen: Settings) -> str:
    """The page as HTML, made by a child process.

    Raises
    ------
    EdaError : when there are no rows or columns, and when the child fails or exceeds its limits.
    """
    table = _numpy_friendly(what)
    if not table.num_rows or not table.num_columns:
        raise EdaError("there are no rows with values to report on; take a larger share of them")
    with tempfile.TemporaryDirectory(prefix="bqat-eda-") as name:
        folder = Path(name)
        pq.write_table(table, folder / "table.parquet")
        job = {
            "table": str(folder / "table.parquet"),
            "target": str(folder / "page.html"),
            "title": _title(table.num_rows, what.total),
            "description": what.description.translate(HARMLESS),
            "types": {name: what.types[name] for name in table.column_names},
            "descriptions": {name: what.descriptions.get(name, "").translate(HARMLESS) for name in table.column_names},
            "minimal": minimal,
            "memory": int(chosen.eda_memory),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        _run(folder, float(chosen.eda_timeout))
        html = (folder / "page.html").read_text(encoding="utf-8")
    return for_gui(_safe_scripts(re.sub(r"<head\b[^>]*>", lambda m: m[0] + _POLICY, html, count=1)))


def _kind(column: Column) -> str:
    """``Numeric``, ``Boolean``, ``Categorical``, or empty for columns that do not belong on the page."""
    if column.group == "identity" or column.method == "not_computable":
        return ""
    if column.type in ("int", "float"):
        return "Numeric"
    if column.type == "bool":
        return "Boolean"
    return "Categorical" if column.name.endswith("_pose") or column.name in ("status", "verdict") else ""


def _numpy_friendly(what: EdaTable) -> pa.Table:
    """Numbers as float32, yes/no as text where cells are missing; columns without any value are left out."""
    table = what.table
    for position, name in enumerate(table.column_names):
        column = table.column(position)
        if what.types[name] == "Numeric":
            column = pc.cast(column, pa.float32(), safe=False)
        elif what.types[name] == "Boolean" and column.null_count:
            what.types[name] = "Categorical"
            column = pc.if_else(column, "True", "False")
        table = table.set_column(position, name, column)
    return table.select([n for n in table.column_names if table.column(n).null_count < table.num_rows])


def _title(rows: int, total: int) -> str:
    title = f"EDA Report (BQAT v{__version__})"
    return title if rows == total else f"{title}, sample of {count(rows)} of {count(total)} rows"


def _run(folder: Path, limit: float) -> None:
    """Run the child; it and all its children are gone when this returns."""
    environment = _environment(folder)
    command = [sys.executable, "-m", "bqat_pipeline.report.eda.child", str(folder / "job.json")]
    log = folder / "log.txt"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environment, start_new_session=True
        )
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            raise EdaError(f"the EDA page took longer than {limit:g} s (BQAT_EDA_TIMEOUT)") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if child.stdin:
                child.stdin.close()
    if code or not (folder / "page.html").is_file():
        raise EdaError(_why(code, log.read_text(encoding="utf-8", errors="replace")))


def _environment(folder: Path) -> Mapping[str, str]:
    # ydata-profiling takes settings from PROFILE_...; ours alone shall count.
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("PROFILE_")}
    return kept | {
        # Any value switches off its request to a server of its makers.
        "YDATA_PROFILING_NO_ANALYTICS": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(folder),
        "TQDM_DISABLE": "1",
        **dict.fromkeys(_SINGLE_THREAD, "1"),
    }


def _why(code: int, log: str) -> str:
    if code in (-signal.SIGKILL, -signal.SIGABRT) or any(sign in log for sign in _OUT_OF_MEMORY):
        return "the EDA page needed more memory than allowed (BQAT_EDA_MEMORY)"
    lines = [line for line in log.splitlines() if line.strip()]
    return f"ydata-profiling failed: {lines[-1][:300] if lines else f'exit code {code}'}"


def _safe_scripts(html: str) -> str:
    """Scripts and styles without the forbidden text, where entities mean nothing; the rest without indentation."""
    parts = re.split(r"(<(?:script|style)\b.*?</(?:script|style)>)", html, flags=re.DOTALL | re.IGNORECASE)
    for position, part in enumerate(parts):
        inside = position % 2 == 1
        parts[position] = part.replace("not found", "not\\x20found") if inside else re.sub(r"\s*\n\s*", "\n", part)
    return "".join(parts)
