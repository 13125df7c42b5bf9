"""Who a picture is said to show: a column of the metadata table, or the folder that it lies in."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets import DatasetRecord, Location
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.report.metadata import MetadataError, read_metadata

FOLDER = "folder"
_NO_VALUE = "(no value)"
_MOST_PERSONS = 10_000_000


def names_of(record: DatasetRecord, profiles: ds.Dataset, by: str) -> NDArray[np.object_]:
    """(rows,) name of the person that each picture is said to show; empty where nothing is said.

    Parameters
    ----------
    by : ``folder``: the folder that the picture lies in; ``folder:1``: the first level of its path, ``folder:2`` the
        first two, ... (of a shorter path all of it); anything else: that column of the data set's metadata table.

    Raises
    ------
    IdentityError : when there is no such column.
    """
    column, _, level = by.partition(":")
    if column == FOLDER and (not level or (level.isdecimal() and int(level))):
        return _joined([_levels(batch.column("folder").to_pylist(), int(level or 0)) for _, batch in _read(profiles)])
    if not record.metadata_csv:
        raise IdentityError(
            f"{record.key} has no metadata table with a column {by}: give one (`bqat report {record.key} --metadata`), "
            "or take folder, where each person has one"
        )
    prefixes = [source.prefix for source in record.sources if source.prefix]
    try:
        table = read_metadata(Location.parse(record.metadata_csv), (by,), prefixes, _MOST_PERSONS)
        table.fit(profiles)
    except MetadataError as error:
        raise IdentityError(str(error)) from error
    values = [table.join(batch)[by].to_pylist() for _, batch in _read(profiles)]
    return _joined([["" if value == _NO_VALUE else value for value in part] for part in values])


def _read(profiles: ds.Dataset) -> Iterator[tuple[int, pa.RecordBatch]]:
    return read_batches(profiles, ["file", "folder"])


def _levels(folders: list[str | None], level: int) -> list[str]:
    if not level:
        return [folder or "" for folder in folders]
    return ["/".join((folder or "").split("/")[:level]) for folder in folders]


def _joined(parts: list[list[str]]) -> NDArray[np.object_]:
    values = [value for part in parts for value in part]
    return np.array(values, dtype=object)
