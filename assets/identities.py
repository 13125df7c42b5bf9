"""Asset ``identities``: which pictures may show the same person. There only where ``BQAT_IDENTITY`` is on."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.face_profiles import face_profiles
from assets.metadata import numbers
from assets.partitions import datasets
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.names import ASSET_GROUP, SCAN_POOL
from bqat_pipeline.settings import settings
from resources import ComputeResource, DatasetStoreResource

_CHECK = dg.AssetCheckSpec(
    "compared",
    asset=dg.AssetKey("identities"),
    description="All measured faces could be compared, or it is known why not.",
)


def _compared(record: DatasetRecord, summary: Mapping[str, Any]) -> dg.AssetCheckResult:
    """The outcome of the check: fails when nobody was looked for, or pictures were gone before their turn came."""
    problem, not_made = summary.get("problem"), summary.get("without_template", {}).get("not_made", 0)
    said = f"{not_made} measured faces could not be opened again" if not_made else "the same person was looked for"
    return dg.AssetCheckResult(
        passed=not problem and not not_made,
        asset_key=_CHECK.asset_key,
        check_name=_CHECK.name,
        severity=dg.AssetCheckSeverity.ERROR if problem else dg.AssetCheckSeverity.WARN,
        description=f"{record.name}: {f'the same person was not looked for: {problem}' if problem else said}",
        metadata={"dataset": record.key, "name": record.name},
    )


# The asset as what others depend on; empty where identities are switched off.
IDENTITIES: list[dg.AssetsDefinition] = []

if settings().identity:

    @dg.asset(
        partitions_def=datasets,
        deps=[face_profiles],
        check_specs=[_CHECK],
        pool=SCAN_POOL,
        group_name=ASSET_GROUP,
        kinds={"parquet", "opencv"},
        owners=["team:biometrics"],
    )
    def identities(
        context: dg.AssetExecutionContext, store: DatasetStoreResource, compute: ComputeResource
    ) -> dg.MaterializeResult:
        """Pairs of pictures that may show the same person, for somebody to look at; templates stay beside the results.

        An interrupted run resumes; unchanged files keep their templates. What keeps pairs from being found, such as a
        missing model, is a failed check, and the scan goes on: its report says so, and the next scan tries again.
        """
        import time

        from bqat_pipeline.identity.running import find_identities_of_scan

        began = time.monotonic()
        opened, key = store.open(), context.partition_key
        if opened.manifest(key) is None:
            raise dg.Failure(f"{key} has no profiles yet: materialize face_profiles first")
        summary = find_identities_of_scan(opened, key, compute.settings(), run_id=context.run.run_id)
        if problem := summary.get("problem"):
            context.log.error("the same person was not looked for: %s", problem)
        # Counts only: no path of the templates, no pairs.
        return dg.MaterializeResult(
            metadata={**numbers(summary), "seconds": round(time.monotonic() - began, 3)},
            check_results=[_compared(opened.record(key), summary)],
        )

    IDENTITIES.append(identities)
