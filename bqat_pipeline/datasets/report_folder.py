"""Names of the files in the report folder of a data set that others than the report read."""

# The page; put in place last.
PAGE = "index.html"
# The numbers on the page, JSON.
NUMBERS = "report.json"
# Raised when a field of the numbers changes its name or meaning; new fields do not raise it.
SCHEMA_VERSION = 1
# The exploratory page, drawn on demand.
EXPLORATION = "eda.html"
