"""Asset ``identities``: which pictures may show the same person. There only where ``BQAT_IDENTITY`` is on."""

import dagster as dg

from assets.face_profiles import face_profiles
from assets.metadata import numbers
from assets.partitions import datasets
from bqat_pipeline.names import ASSET_GROUP, SCAN_POOL
from bqat_pipeline.settings import settings
from resources import ComputeResource, DatasetStoreResource

# The asset as what others depend on; empty where identities are switched off.
IDENTITIES: list[dg.AssetsDefinition] = []

if settings().identity:

    @dg.asset(
        partitions_def=datasets,
        deps=[face_profiles],
        pool=SCAN_POOL,
        group_name=ASSET_GROUP,
        kinds={"parquet", "opencv"},
        owners=["team:biometrics"],
    )
    def identities(
        context: dg.AssetExecutionContext, store: DatasetStoreResource, compute: ComputeResource
    ) -> dg.MaterializeResult:
        """Pairs of pictures that may show the same person, for somebody to look at; templates stay beside the results.

        An interrupted run resumes; unchanged files keep their templates.
        """
        import time

        from bqat_pipeline.identity.errors import IdentityError
        from bqat_pipeline.identity.running import find_identities

        began = time.monotonic()
        try:
            summary = find_identities(
                store.open(), context.partition_key, compute.settings(), run_id=context.run.run_id
            )
        except IdentityError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        # Counts only: no path of the templates, no pairs.
        return dg.MaterializeResult(metadata={**numbers(summary), "seconds": round(time.monotonic() - began, 3)})

    IDENTITIES.append(identities)
