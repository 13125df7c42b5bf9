"""The folder of all data sets."""

import dagster as dg
from pydantic import Field

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.settings import settings


class DatasetStoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder of all results, on local disk or S3."""

    home: str = Field("", description="Folder of all results or s3://bucket/prefix; empty: BQAT_HOME.")

    def open(self) -> DatasetStore:
        """The store of data sets."""
        return DatasetStore(Location.parse(self.home or settings().home))
