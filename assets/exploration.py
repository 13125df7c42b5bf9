"""Asset ``exploration``: a page with the statistics of every column, in more detail than the report."""

import time
from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.metadata import api_link
from assets.partitions import datasets
from assets.report import report
from bqat_pipeline.datasets.report_folder import EXPLORATION
from bqat_pipeline.names import ASSET_GROUP, EXPLORATION_POOL, ON_DEMAND_TAG
from resources import DatasetStoreResource


class ExplorationConfig(dg.Config):
    """Options of the exploratory page."""

    minimal: bool = Field(False, description="Leave out rank correlations and the chart of missing values.")
    downsample: float = Field(1.0, gt=0, le=1, description="Share of the rows that the page uses.")


@dg.asset(
    partitions_def=datasets,
    deps=[report],
    pool=EXPLORATION_POOL,
    group_name=ASSET_GROUP,
    tags={ON_DEMAND_TAG: "true"},
    kinds={"html"},
    owners=["team:biometrics"],
    output_required=False,
)
def exploration(
    context: dg.AssetExecutionContext, config: ExplorationConfig, store: DatasetStoreResource
) -> Iterator[dg.MaterializeResult]:
    """Exploratory page (ydata-profiling), drawn on demand: one at a time, at low priority.

    It is not drawn again while it shows the published profiles.
    """
    from bqat_pipeline.report import EdaError, NothingToReportError, has_current_eda, write_eda

    began = time.monotonic()
    opened = store.open()
    key = context.partition_key
    place = opened.report(key) / EXPLORATION
    if not has_current_eda(opened, key):
        try:
            place = write_eda(opened, key, minimal=config.minimal, downsample=config.downsample)
        except NothingToReportError as error:
            context.log.warning("no exploratory page: %s", error)
            return
        except EdaError as error:
            raise dg.Failure(f"no exploratory page: {error}", allow_retries=False) from error
    yield dg.MaterializeResult(
        metadata={
            "seconds": round(time.monotonic() - began, 3),
            "bytes": place.info().size or 0,
            "path": dg.MetadataValue.path(str(place)),
            "open": api_link(f"v1/datasets/{key}/eda"),
        }
    )
