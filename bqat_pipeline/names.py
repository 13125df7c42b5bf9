"""Names of jobs, ops, assets, pools and tags, shared by their definitions and the facade that launches runs by GraphQL.

Stored runs of earlier versions contain them, so they must not change.
"""

import re

# Dynamic partitions, one for each data set.
PARTITIONS = "datasets"

# Jobs.
SCAN = "scan"
MAKE_REPORT = "make_report"
EXPLORE = "explore"
EXPORT_REVIEW = "export_review"
DETECT_OUTLIERS = "detect_outliers"
CSV_REPORT = "csv_report"
PREPROCESSING = "preprocessing"
INGEST_ARCHIVE = "ingest_archive"
HOUSEKEEPING = "housekeeping"

# Ops and assets that take the options of a request.
IMAGES = "images"
REPORT = "report"
DETECT = "detect"
REPORT_TABLE = "report_table"
PREPROCESS = "preprocess"
EXPLORATION = "exploration"
REVIEW = "review"
UNPACK_ARCHIVE = "unpack_archive"

# Group of all assets (the Dagster UI opens the graph of a single group at once), and the tag of those made on demand.
ASSET_GROUP = "face_quality"
ON_DEMAND_TAG = "bqat/on_demand"

# Pools: they limit concurrent scans (by the settings) and exploratory pages (one at a time).
SCAN_POOL = "scan"
EXPLORATION_POOL = "exploration"

# Our own tags of a run: its task, data set, options and process.
TASK_TAG = "bqat/task"
KIND_TAG = "bqat/kind"
COLLECTION_TAG = "bqat/collection"
INPUT_TAG = "bqat/input"
TOTAL_TAG = "bqat/total"
OPTIONS_TAG = "bqat/options"
PROCESS_TAG = "bqat/process"

# Dagster's own tags.
PARTITION_TAG = "dagster/partition"
ROOT_RUN_TAG = "dagster/root_run_id"
WILL_RETRY_TAG = "dagster/will_retry"
RETRY_NUMBER_TAG = "dagster/retry_number"

# Start of the message of an error of this software in the events of a run: its text is a sentence for people.
OWN_ERROR = re.compile(r"(?:bqat_pipeline|assets|resources)\.[\w.]+: ")
