"""Imports that runs need later, done once in the process that runs are forked from.

Imports and templates only: nothing here may start a thread, which would not survive a fork.
"""

import gc

import bqat_pipeline.duplicates
import bqat_pipeline.execution.database
import bqat_pipeline.execution.scan
import bqat_pipeline.outliers
import bqat_pipeline.review.decisions  # noqa: F401
from bqat_pipeline.definitions import defs
from bqat_pipeline.face.engine import fingerprint
from bqat_pipeline.names import SCAN
from bqat_pipeline.report.page import compile_templates

compile_templates()
fingerprint()
defs.get_repository_def().get_job(SCAN)
gc.freeze()  # garbage collections in a run then neither scan these objects nor copy their memory pages
