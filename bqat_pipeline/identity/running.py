"""The whole of it for one data set: templates, pairs, and what must not stay."""

import contextlib
from collections.abc import Iterator
from typing import Any

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.execution.chunks import EngineOpener
from bqat_pipeline.execution.executors import available_cores
from bqat_pipeline.execution.progress import Listener
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.finding import IdentityOptions, write_identities
from bqat_pipeline.identity.making import make_templates
from bqat_pipeline.identity.templates import of_dataset
from bqat_pipeline.settings import Settings


def find_identities(
    store: DatasetStore,
    key: str,
    settings: Settings,
    *,
    run_id: str = "",
    listener: Listener | None = None,
    engines: EngineOpener | None = None,
) -> dict[str, Any]:
    """Templates and pairs of the current generation of a data set; answers the summary of the finding.

    Parameters
    ----------
    listener : Is told how far the templates are.
    engines : Opens what makes the templates; default: the network of the settings.

    Raises
    ------
    IdentityError : when there is no scan, its engine gives no digests, or the model file cannot be used.
    ScanError : when it could not go on; another call resumes it.
    """
    with _nothing_left_behind(store, key):
        templates = make_templates(store, key, settings, run_id=run_id, listener=listener, engines=engines)
        profiles, generation = store.profiles(key), store.current(key)
        if profiles is None or generation is None:
            raise IdentityError(f"{key} has no finished scan any more")
        options = IdentityOptions(settings.identity_threshold)
        of = of_dataset(templates, profiles)
        summary = write_identities(profiles, generation, of, options, settings.workers or available_cores())
        if settings.identity_retention == 0:
            IdentityFiles.of(store, key).forget()
    return summary


@contextlib.contextmanager
def _nothing_left_behind(store: DatasetStore, key: str) -> Iterator[None]:
    """Leave no template behind of a data set that somebody deletes meanwhile: workers would bring its folder back."""
    try:
        yield
    finally:
        if store.deletion(key) is not None:
            store.finish_deletions()
