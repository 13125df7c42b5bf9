"""Which generations are complete on disk: a manifest counts only when all of its rows and its list of files are there.

A power cut, a full disk or an edit by hand may leave less. What is damaged is named, and made again by the scan.
"""

import logging

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore, Location, Manifest
from bqat_pipeline.datasets.stored import open_table, warn_once

logger = logging.getLogger(__name__)


def published(store: DatasetStore, key: str) -> Manifest | None:
    """The manifest that readers see; where that cannot be believed, the newest that can; None where there is none.

    Raises
    ------
    UnreadableDatasetError : when the storage does not say.
    """
    root = root_manifest(store, key)
    if root is not None and (found := believed(store, key, root.generation, root)) is not None:
        return found
    others = (believed(store, key, name) for name in store.generations(key) if root is None or name != root.generation)
    return max((m for m in others if m is not None), key=lambda m: m.created, default=None)


def root_manifest(store: DatasetStore, key: str) -> Manifest | None:
    """manifest.json as it is, or None where there is none or it is damaged."""
    try:
        return store.manifest(key)
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return None


def believed(store: DatasetStore, key: str, generation: str, instead: Manifest | None = None) -> Manifest | None:
    """The manifest of a complete generation, when all its rows and its list of files are there.

    Parameters
    ----------
    instead : Its manifest from elsewhere, for when its own is missing or damaged.
    """
    try:
        manifest = instead or store.generation(key, generation).manifest()
        if manifest is None:
            return None
        if store.generation_profiles(key, manifest, afresh=True) is None:
            raise DamagedDatasetError(f"the result of {key}", "its profiles are missing", "they are made again")
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return None
    images = store.generation(key, generation).images
    return manifest if is_whole(images, manifest.rows, f"images.parquet of {key}") else None


def is_whole(table: Location, rows: int, what: str) -> bool:
    """Whether a Parquet file is there with this number of rows. Reads its footer only.

    Raises
    ------
    UnreadableDatasetError : when the storage does not say.
    """
    try:
        return open_table(table, what, rows) is not None
    except DamagedDatasetError as error:
        warn_once(logger, str(error))
        return False
