"""Where pictures are measured: processes of this machine, or a Dask cluster."""

import dagster as dg
from pydantic import Field

from bqat_pipeline.settings import Settings, settings


class ComputeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where a scan measures pictures. Values that are left empty come from the environment."""

    workers: int = Field(0, description="Worker processes; 0: BQAT_WORKERS, or one for each core.")
    dask_scheduler: str = Field("", description="Address of a Dask scheduler; empty: BQAT_DASK_SCHEDULER.")

    def settings(self) -> Settings:
        """The settings of this process, with the values of this resource in place of theirs."""
        base = settings()
        return base.model_copy(
            update={
                "workers": self.workers or base.workers,
                "dask_scheduler": self.dask_scheduler or base.dask_scheduler,
            }
        )
