"""Names that both sides of Dagster's GraphQL border use: those who define jobs, and the facade that launches them.

Runs of earlier versions carry them: they do not change.
"""

# Dynamic partitions, one a data set.
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

# Group of all assets (of one, the Dagster UI shows the graph at once), and the tag of those that no scan makes.
ASSET_GROUP = "face_quality"
ON_DEMAND_TAG = "bqat/on_demand"

# Pools: as many scans at a time as the settings say, and one drawing of an exploratory page.
SCAN_POOL = "scan"
EXPLORATION_POOL = "exploration"

# Tags of a run: what it does for whom.
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
