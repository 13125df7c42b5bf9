"""What a data set's last scan warns of, for all who show the data set."""

from bqat_pipeline.datasets.errors import DamagedDatasetError
from bqat_pipeline.datasets.generation import Generation
from bqat_pipeline.datasets.records import Manifest
from bqat_pipeline.datasets.store import DatasetStore


def scan_warnings(store: DatasetStore, key: str, manifest: Manifest | None, *, identities: bool) -> list[str]:
    """Why a data set, or what was found in it, may be incomplete; one sentence each, none before the first scan.

    Parameters
    ----------
    identities : Whether they are switched on (``BQAT_IDENTITY``); otherwise nothing is said of them.
    """
    if manifest is None:
        return []
    found = manifest.passed_over.warnings()
    if identities and (problem := identities_problem(store.generation(key, manifest.generation))):
        found.append(f"the same person was not looked for: {problem}")
    return found


def identities_problem(generation: Generation) -> str:
    """Why the last scan could not look for pictures of one person; empty when it could, or did not have to."""
    try:
        return str(generation.details("identities").get("problem") or "")
    except DamagedDatasetError as error:
        return str(error)
