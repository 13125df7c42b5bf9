"""What the judge said first about each picture, for the lists that are handed out."""

import pyarrow as pa
import pyarrow.compute as pc

# Columns of the profiles that advice is made of, where there are such.
ADVICE_SOURCES = ("status", "reason", "verdict", "verdict_reasons")
ADVICE_FIELDS = (
    pa.field("status", pa.string()),
    pa.field("verdict", pa.string()),
    pa.field("verdict_reason", pa.string()),
)


def advice_columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """The columns of ``ADVICE_FIELDS`` by name, null where the profiles do not tell.

    ``verdict_reason`` is the most important thing to change; of files without a measured face why that is.
    """
    return {
        "status": _column(batch, "status"),
        "verdict": _column(batch, "verdict"),
        "verdict_reason": _first_reasons(batch),
    }


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(name) if name in batch.schema.names else pa.nulls(batch.num_rows, pa.string())


def _first_reasons(batch: pa.RecordBatch) -> pa.Array:
    why = _column(batch, "reason")
    if "verdict_reasons" not in batch.schema.names:
        return why
    first = [reasons[0] if reasons else None for reasons in batch.column("verdict_reasons").to_pylist()]
    return pc.coalesce(pa.array(first, pa.string()), why)
