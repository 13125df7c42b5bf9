"""Imports that runs need later, done once in the process that runs are forked from.

Imports and templates only: nothing here may start a thread, which would not survive a fork, or read the settings.
"""

import gc

import bqat_pipeline.duplicates
import bqat_pipeline.execution.database
import bqat_pipeline.execution.scan
import bqat_pipeline.outliers
import bqat_pipeline.review.decisions  # noqa: F401
from bqat_pipeline.report.page import compile_templates

compile_templates()
gc.freeze()  # garbage collections in a run then neither scan these objects nor copy their memory pages
