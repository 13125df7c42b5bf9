"""Asset ``face_profiles``: one row of measures per file."""

import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from assets.checks import SPECS, check_profiles
from assets.images import images
from assets.metadata import api_link, percent, preview
from assets.partitions import datasets
from bqat_pipeline.datasets import DatasetStore, Manifest, Progress
from bqat_pipeline.names import ASSET_GROUP, SCAN_POOL
from resources import ComputeResource, DatasetStoreResource

_SECONDS_BETWEEN_LINES = 5.0
_PREVIEW = ["file", "status", "verdict", "image_width", "image_height", "ipd", "yaw_degree", "pitch_degree"]


@dg.asset(
    partitions_def=datasets,
    deps=[images],
    check_specs=SPECS,
    pool=SCAN_POOL,
    group_name=ASSET_GROUP,
    kinds={"parquet", "opencv"},
    owners=["team:biometrics"],
)
def face_profiles(
    context: dg.AssetExecutionContext, store: DatasetStoreResource, compute: ComputeResource
) -> dg.MaterializeResult:
    """Quality profile of every file: pose, eyes, illumination, sharpness, ISO/IEC 29794-5 components, verdict.

    Files that cannot be measured are rows with a reason. An interrupted scan resumes; unchanged files keep their rows.
    """
    from bqat_pipeline.execution import Scanner

    opened = store.open()
    manifest = Scanner(opened, compute.settings()).measure(
        context.partition_key, run_id=context.run.run_id, listener=_logger(context)
    )
    context.log.info("%d files: %s", manifest.rows, manifest.counts)
    return dg.MaterializeResult(
        metadata=_metadata(opened, context.partition_key, manifest),
        check_results=list(check_profiles(opened.record(context.partition_key), manifest)),
    )


def _logger(context: dg.AssetExecutionContext) -> Callable[[Progress], None]:
    """A listener that logs about ten lines in a scan, none in its first seconds. All numbers are in progress.json."""
    last: list[float] = [0, time.monotonic()]  # tenth of the files, and time, of the last line

    def log(progress: Progress) -> None:
        tenths = 10 * progress.done // max(1, progress.total)
        if tenths > last[0] and time.monotonic() - last[1] > _SECONDS_BETWEEN_LINES:
            last[:] = [tenths, time.monotonic()]
            context.log.info(
                "%d of %d files, %d not measured, %.1f/s, %s s to go",
                progress.done,
                progress.total,
                progress.failed,
                progress.rate,
                progress.eta,
            )

    return log


def _metadata(store: DatasetStore, key: str, manifest: Manifest) -> dict[str, Any]:
    record = store.record(key)
    profiles = store.profiles(key)
    rows = profiles.head(5, columns=[c for c in _PREVIEW if c in profiles.schema.names]) if profiles else None
    changes = manifest.changes
    computed = changes.new + changes.changed
    return {
        "dagster/row_count": manifest.rows,
        "measured_percent": percent(manifest.measured, manifest.rows),
        "pass_percent": percent(manifest.verdicts.get("pass", 0), manifest.assessed),
        "seconds": manifest.seconds,
        "files_per_second": round(computed / manifest.seconds, 2) if manifest.seconds else 0.0,
        **{f"status_{status}": count for status, count in sorted(manifest.counts.items())},
        **{f"verdict_{verdict}": count for verdict, count in sorted(_verdicts(manifest).items())},
        **{f"files_{change}": count for change, count in changes.model_dump().items()},
        "requirements": record.requirements,
        "generation": manifest.generation,
        "path": dg.MetadataValue.path(str(store.generation(key, manifest.generation).profiles)),
        "api": api_link(f"scan/{record.id}/profiles?limit=100"),
        "first_rows": preview(rows.to_pylist() if rows is not None else []),
    }


def _verdicts(manifest: Manifest) -> dict[str, int]:
    """Measured faces by verdict; files without a measured face are counted by status only."""
    unmeasured = manifest.rows - manifest.measured
    counts = {**manifest.verdicts, "not_assessed": manifest.verdicts.get("not_assessed", 0) - unmeasured}
    return {verdict: count for verdict, count in counts.items() if count > 0}
