"""Comparison of two scans: in a report, and of any two data sets."""
