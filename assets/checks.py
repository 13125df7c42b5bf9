"""Asset checks of face profiles: what a data steward must know without opening a report.

They never block: a data set of bad pictures still gets its report, which says what is wrong with it. The limits are our
own, chosen so that an ordinary collection passes.
"""

from collections.abc import Iterator

import dagster as dg

from assets.metadata import percent
from bqat_pipeline.columns import READ
from bqat_pipeline.datasets import DatasetRecord, Manifest
from bqat_pipeline.datasets.records import PassedOver

_PROFILES = dg.AssetKey("face_profiles")

# Percent of files; below: a warning.
READABLE = 95.0
SINGLE_FACE = 90.0
# Percent of faces that were judged; below: a warning.
PASSING = 50.0

SPECS = [
    dg.AssetCheckSpec(name, asset=_PROFILES, description=description)
    for name, description in {
        "complete": "Every folder of the sources could be read, and no picture was passed over for its name.",
        "readable": f"At least {READABLE:g} % of the files are pictures.",
        "single_face": f"At least {SINGLE_FACE:g} % of the pictures show exactly one face.",
        "requirements": f"At least {PASSING:g} % of the judged faces meet the requirements.",
    }.items()
]


def check_profiles(record: DatasetRecord, manifest: Manifest) -> Iterator[dg.AssetCheckResult]:
    """The outcome of every check of ``SPECS``, each with the data set it is about: Dagster lists them by asset."""
    for found in _outcomes(manifest):
        yield dg.AssetCheckResult(
            passed=found.passed,
            asset_key=found.asset_key,
            check_name=found.check_name,
            severity=found.severity,
            description=f"{record.name}: {found.description}",
            metadata={"dataset": record.key, "name": record.name, **found.metadata},
        )


def _outcomes(manifest: Manifest) -> Iterator[dg.AssetCheckResult]:
    yield _complete(manifest.passed_over)
    read = sum(manifest.counts.get(status, 0) for status in READ)
    nothing_read = dg.AssetCheckSeverity.WARN if read else dg.AssetCheckSeverity.ERROR
    yield _share("readable", read, manifest.rows, READABLE, nothing_read)
    yield _share("single_face", manifest.counts.get("ok", 0), read, SINGLE_FACE)
    yield _share("requirements", manifest.verdicts.get("pass", 0), manifest.assessed, PASSING)


def _complete(passed_over: PassedOver) -> dg.AssetCheckResult:
    warnings = passed_over.warnings()
    unread = passed_over.unreadable_folders > 0
    return dg.AssetCheckResult(
        passed=not warnings,
        asset_key=_PROFILES,
        check_name="complete",
        severity=dg.AssetCheckSeverity.ERROR if unread else dg.AssetCheckSeverity.WARN,
        description="; ".join(warnings or passed_over.notes()) or "nothing was passed over",
        metadata={
            "unreadable_folders": passed_over.unreadable_folders,
            "kept_files": passed_over.kept_files,
            "other_files": passed_over.other_files,
            "other_pictures": passed_over.other_pictures,
        },
    )


def _share(
    name: str,
    part: int,
    whole: int,
    limit: float,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    """A check that passes when ``part / whole`` reaches the limit, in percent, or when ``whole`` is 0."""
    share = percent(part, whole)
    return dg.AssetCheckResult(
        passed=not whole or share >= limit,
        asset_key=_PROFILES,
        check_name=name,
        severity=severity,
        description=f"{part} of {whole} files ({share:g} %)",
        metadata={"percent": share, "limit_percent": limit, "files": part, "of": whole},
    )
