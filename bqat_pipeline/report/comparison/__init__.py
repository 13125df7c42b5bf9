"""Two scans held against each other: in a report, and of any two data sets."""
