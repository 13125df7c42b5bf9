"""The whole of it for one data set: templates, pairs, and what must not stay."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.engines.base import EngineUnavailableError
from bqat_pipeline.execution.chunks import EngineOpener
from bqat_pipeline.execution.errors import ScanError
from bqat_pipeline.execution.executors import available_cores
from bqat_pipeline.execution.locks import dataset_lock
from bqat_pipeline.execution.waiting import while_storage_is_away
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.finding import IdentityOptions, write_identities
from bqat_pipeline.identity.making import make_templates
from bqat_pipeline.identity.templates import of_dataset
from bqat_pipeline.settings import Settings

logger = logging.getLogger(__name__)

# What may keep pairs from being found: the model (here, or on a worker), workers that end, storage, memory.
_OBSTACLES = (IdentityError, EngineUnavailableError, ScanError, DamagedDatasetError, OSError, MemoryError)


def find_identities(
    store: DatasetStore,
    key: str,
    settings: Settings,
    *,
    run_id: str = "",
    engines: EngineOpener | None = None,
) -> dict[str, Any]:
    """Templates and pairs of the current generation of a data set; answers the summary of the finding.

    Parameters
    ----------
    engines : Opens what makes the templates; default: the network of the settings.

    Raises
    ------
    UnknownDatasetError : when there is no such data set.
    IdentityError : when there is no scan, its engine gives no digests, the model file cannot be used, or there are too
        many pictures.
    ScanError : when it could not go on; another call resumes it.
    """
    with _alone(store, key):
        templates = make_templates(store, key, settings, run_id=run_id, engines=engines)
        profiles, generation = store.profiles(key), store.current(key)
        if profiles is None or generation is None:
            raise IdentityError(f"{key} has no finished scan any more")
        options = IdentityOptions(settings.identity_threshold)
        of = of_dataset(templates, profiles)
        summary = write_identities(profiles, generation, of, options, settings.workers or available_cores())
        if settings.identity_retention == 0:
            IdentityFiles.of(store, key).forget()
    return summary


def find_identities_of_scan(
    store: DatasetStore,
    key: str,
    settings: Settings,
    *,
    run_id: str = "",
    engines: EngineOpener | None = None,
) -> dict[str, Any]:
    """As ``find_identities``, for a scan, which goes on to its report whatever keeps pairs from being found.

    Why they were not found is kept as the finding's ``problem``, for all who show the data set, and is in the answer.
    Pairs that were found in the same profiles before stay. The next scan tries again.

    Raises
    ------
    UnknownDatasetError : when the data set was deleted meanwhile.
    IdentityError : when its results were.
    """

    def find() -> dict[str, Any]:
        return find_identities(store, key, settings, run_id=run_id, engines=engines)

    try:
        return while_storage_is_away(find, settings.storage_timeout)
    except _OBSTACLES as error:
        with _alone(store, key):
            generation = store.current(key)
            if generation is None:
                raise
            problem = " ".join(str(error).split()) or "there is too little memory for it here"
            logger.error("%s: the same person was not looked for: %s", key, problem)
            known: dict[str, Any] = {}
            with contextlib.suppress(DamagedDatasetError):
                known = generation.details("identities")
            generation.write_details("identities", {**known, "problem": problem})
        return {**known.get("summary", {}), "problem": problem}


@contextlib.contextmanager
def _alone(store: DatasetStore, key: str) -> Iterator[None]:
    """Work on a data set while no other process does, as a scan of it does: both would delete each other's parts.

    Nothing is left behind of a data set that somebody deletes meanwhile: what is written brings its folder back.

    Raises
    ------
    UnknownDatasetError : when there is none.
    """
    store.record(key)
    try:
        with dataset_lock(store.lock(key)):
            yield
    finally:
        if store.deletion(key) is not None:
            store.finish_deletions()
