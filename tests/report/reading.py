"""Reports written and read back."""

import csv

import pyarrow as pa

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.report import (
    Report,
    ReportOptions,
    read_report,
    write_report,
)

NO_PICTURES = ReportOptions(thumbnails="none")


def made_report(store: DatasetStore, record: DatasetRecord, options: ReportOptions = NO_PICTURES) -> Report:
    """The report of a data set, made now and read back."""
    write_report(store, record.key, options)
    report = read_report(store, record.key)
    assert report is not None
    return report


def page_of(store: DatasetStore, record: DatasetRecord) -> str:
    """The page as text."""
    return (store.report(record.key) / "index.html").read_bytes().decode()


def rows_of(store: DatasetStore, record: DatasetRecord, name: str) -> list[dict[str, str]]:
    """Rows of a CSV list beside the page."""
    with (store.report(record.key) / name).local.open(newline="", encoding="utf-8-sig") as stream:
        return list(csv.DictReader(stream))


def with_columns(table: pa.Table, **columns: list) -> pa.Table:
    """A table with other values in some of its columns."""
    for name, values in columns.items():
        position = table.schema.get_field_index(name)
        table = table.set_column(
            position, table.schema.field(position), pa.array(values, table.schema.field(position).type)
        )
    return table
