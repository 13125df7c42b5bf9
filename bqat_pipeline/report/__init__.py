"""The report of a data set: one HTML page, all its numbers as JSON, every list as CSV, and an EDA page.

>>> from bqat_pipeline.report import write_report
>>> summary = write_report(store, "portraits-1a2b3c4d")  # doctest: +SKIP
"""

from bqat_pipeline.datasets.report_folder import SCHEMA_VERSION
from bqat_pipeline.report.assemble import compare, comparison_page
from bqat_pipeline.report.document import Report
from bqat_pipeline.report.eda.csv import write_csv_report
from bqat_pipeline.report.eda.page import EdaError, write_eda
from bqat_pipeline.report.formatting import comparison_lines, scorecard_markdown, summary_lines
from bqat_pipeline.report.inputs import NothingToReportError, ReportOptions
from bqat_pipeline.report.metadata import MetadataError, check_metadata, join_coverage
from bqat_pipeline.report.standing import standing
from bqat_pipeline.report.write import delete_report, has_current_eda, read_report, wire_report, write_report

__all__ = [
    "SCHEMA_VERSION",
    "EdaError",
    "MetadataError",
    "NothingToReportError",
    "Report",
    "ReportOptions",
    "check_metadata",
    "compare",
    "comparison_lines",
    "comparison_page",
    "delete_report",
    "has_current_eda",
    "join_coverage",
    "read_report",
    "scorecard_markdown",
    "standing",
    "summary_lines",
    "wire_report",
    "write_csv_report",
    "write_eda",
    "write_report",
]
