"""The code location: all assets, jobs, sensors, schedules and resources for Dagster."""

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
    # One process per run: parallel work happens inside a step. Set here rather than on the jobs, so that
    # materializations and backfills from the UI use it too.
    executor=dg.in_process_executor,
)
