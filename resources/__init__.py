"""The world outside the assets, as Dagster resources: where data sets lie, where pictures are measured."""

from resources.compute import ComputeResource
from resources.dataset_store import DatasetStoreResource

__all__ = ["ComputeResource", "DatasetStoreResource"]
