"""Outliers: which pictures are unusual among those of their data set, and why."""

from bqat_pipeline.outliers.detection import detect, detections, write_detections
from bqat_pipeline.outliers.options import (
    WIRE_COLUMNS,
    WIRE_DETECTORS,
    DetectorError,
    DetectorName,
    DetectorOptions,
    OutlierOptions,
)
from bqat_pipeline.outliers.table import OUTLIERS_SCHEMA, write_outliers

__all__ = [
    "OUTLIERS_SCHEMA",
    "WIRE_COLUMNS",
    "WIRE_DETECTORS",
    "DetectorError",
    "DetectorName",
    "DetectorOptions",
    "OutlierOptions",
    "detect",
    "detections",
    "write_detections",
    "write_outliers",
]
