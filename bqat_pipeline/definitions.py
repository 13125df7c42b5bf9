"""The code location: everything that Dagster shows and runs."""

import dagster as dg

import assets
from bqat_pipeline.orchestration import jobs, schedules, sensors
from resources import ComputeResource, DatasetStoreResource

defs = dg.Definitions(
    assets=dg.load_assets_from_package_module(assets),
    jobs=jobs.ALL,
    sensors=sensors.ALL,
    schedules=schedules.ALL,
    resources={"store": DatasetStoreResource(home=""), "compute": ComputeResource(workers=0, dask_scheduler="")},
    # One process per run: parallel work happens inside a step. Here, not on the jobs alone, so that
    # materializations and backfills from the UI use it too.
    executor=dg.in_process_executor,
)
