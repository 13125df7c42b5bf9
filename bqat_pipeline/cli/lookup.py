"""Data sets by what is typed on the command line."""

from bqat_pipeline.cli.console import CliError, printable
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location, UnknownDatasetError
from bqat_pipeline.settings import settings
from bqat_pipeline.web.absent import arrow_without_pandas


def open_store() -> DatasetStore:
    """The store of all data sets (``BQAT_HOME``)."""
    arrow_without_pandas()
    return DatasetStore(Location.parse(settings().home))


def dataset(store: DatasetStore, text: str) -> DatasetRecord:
    """The data set of a key, an id, or a name or beginning of a key that only one has.

    Raises
    ------
    CliError : when there is none, or more than one.
    """
    try:
        return store.record(text)
    except UnknownDatasetError:
        pass
    matches = [r for r in store.records() if text in (str(r.id), r.name) or r.key.startswith(text)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise CliError(f"there is no data set {printable(text)!r} in {store.home}; `bqat list` shows all")
    raise CliError(f"{printable(text)!r} can mean {', '.join(r.key for r in matches)}; give the whole key")
