"""The profiles of what the review page shows: rows that meet its filters, judged by its rule set."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from bqat_pipeline.datasets.conditions import Condition
from bqat_pipeline.datasets.operators import Mask
from bqat_pipeline.datasets.queries import batches_of_rows
from bqat_pipeline.requirements import judge_batch
from bqat_pipeline.requirements.evaluate import needed_columns
from bqat_pipeline.review.table import Decided, ReviewTable

_JUDGED = ("verdict", "verdict_reasons")


def shown_profiles(
    table: ReviewTable, columns: Sequence[str], conditions: Sequence[Condition], decided: Decided
) -> Iterator[pa.RecordBatch]:
    """Rows that meet all conditions, in the order of the data set; memory does not grow with their number.

    ``verdict`` and ``verdict_reasons`` are those of the table's rule set.

    Parameters
    ----------
    columns : Of the answer; ``row`` is among them.
    """
    return judged_profiles(table, columns, table.mask(conditions, decided))


def judged_profiles(table: ReviewTable, columns: Sequence[str], chosen: Mask) -> Iterator[pa.RecordBatch]:
    """The same of chosen rows.

    Parameters
    ----------
    chosen : (rows of the data set,) whether a row is wanted, by its number.
    """
    schema = pa.schema([table.columns.schema.field(name) for name in columns])
    judged = [name for name in _JUDGED if name in columns]
    needed = needed_columns(table.rules, table.columns.schema.names) if judged else []
    for batch in batches_of_rows(table.columns.profiles, list(dict.fromkeys([*columns, *needed])), chosen):
        arrays = {name: batch.column(name) for name in columns}
        if judged:
            for name, values in zip(_JUDGED, judge_batch(table.rules, batch), strict=True):
                if name in arrays:
                    arrays[name] = pa.array(values, schema.field(name).type)
        yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], schema=schema)
