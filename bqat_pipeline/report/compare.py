"""Compares two data sets."""

from typing import Any

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.report.assemble import compare_datasets
from bqat_pipeline.report.page import render_comparison


def compare(store: DatasetStore, first: str, second: str) -> dict[str, Any]:
    """The second data set against the first, as plain JSON data; see ``Comparison`` for the fields.

    Both are judged by the second one's requirement profile.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    NothingToReportError : when one of them has no finished scan.
    """
    return compare_datasets(store, first, second).model_dump(mode="json")


def comparison_page(store: DatasetStore, first: str, second: str) -> str:
    """The same comparison as a self-contained HTML page."""
    title = f"{store.record(second).name} against {store.record(first).name}"
    return render_comparison(compare_datasets(store, first, second), title)
