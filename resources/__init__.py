"""Dagster resources: the store of data sets, and where pictures are measured."""

from resources.compute import ComputeResource
from resources.dataset_store import DatasetStoreResource

__all__ = ["ComputeResource", "DatasetStoreResource"]
