"""Names of the files in the report folder of a data set that others than the report read."""

# The page; put in place last.
PAGE = "index.html"
# The numbers on the page, JSON.
NUMBERS = "report.json"
# The exploratory page, drawn on demand.
EXPLORATION = "eda.html"
