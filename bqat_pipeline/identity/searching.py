"""Questions to stored templates: by pairs, or by one picture."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bqat_pipeline.datasets import DamagedDatasetError, DatasetStore
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.identity.closeness import Searchable
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.finding import shown
from bqat_pipeline.identity.templates import DatasetTemplates, of_dataset, read_templates


def stored_templates(store: DatasetStore, key: str, retention: float) -> DatasetTemplates:
    """The templates of the rows of a data set.

    Parameters
    ----------
    retention : Seconds; older ones are deleted here.

    Raises
    ------
    IdentityError : when there are none, or none any more.
    """
    files = IdentityFiles.of(store, key)
    files.forget_expired(retention)
    profiles = store.profiles(key)
    templates = read_templates(files)
    if profiles is None or not len(templates):
        raise IdentityError(
            f"{key} has no templates: they were never made, were deleted, or are older than BQAT_IDENTITY_RETENTION; "
            "a scan with BQAT_IDENTITY=true makes them"
        )
    return of_dataset(templates, profiles)


@dataclass(frozen=True, slots=True)
class Match:
    """A picture of the data set that may show the person."""

    row: int
    file: str
    distance: float


class DatasetSearch:
    """The templates of a data set in memory, 480 bytes for each picture, with the files that they are of.

    Parameters
    ----------
    of : Templates of the rows.
    files : Of every row of the profiles.
    """

    def __init__(self, of: DatasetTemplates, files: pa.ChunkedArray) -> None:
        self._position, self._files = of.position, files  # not `of`, which holds the templates once more
        self._searchable = Searchable(of.templates.vectors[of.vector])

    def __len__(self) -> int:
        return len(self._searchable)

    def near(self, template: np.ndarray, threshold: float, most: int) -> list[Match]:
        """Pictures closer to a template (128,) than a threshold, the closest first."""
        # Rounded as stored ones are, so that the same picture is at distance 0.
        places, distances = self._searchable.near(template.astype(np.float16), threshold, most)
        rows = self._position[places]
        names = self._files.take(pa.array(rows)).to_pylist()
        return [
            Match(int(row), name, distance)
            for row, name, distance in zip(rows, names, shown(distances).tolist(), strict=True)
        ]


def _state(store: DatasetStore, key: str) -> object:
    """Changes whenever the templates of a data set, or the rows that they are of, do."""
    manifest, info = store.manifest(key), IdentityFiles.of(store, key).templates.info()
    return manifest and (manifest.generation, manifest.created), info.mtime_ns, info.size


class Searches:
    """The data sets that were searched last; one whose templates were deleted or made again is forgotten.

    Parameters
    ----------
    most : Data sets kept in memory.
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._open: OrderedDict[str, tuple[object, DatasetSearch]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # one at a time: requests that come together would each hold all of it

    def open(self, store: DatasetStore, key: str, retention: float) -> DatasetSearch:
        """A data set, ready to be searched.

        Raises
        ------
        IdentityError : when it has no templates (any more).
        """
        IdentityFiles.of(store, key).forget_expired(retention)
        state = _state(store, key)
        known = self._known(key, state)
        if known is None:
            with self._reading:
                known = self._known(key, state)
                if known is None:
                    known = self._read(store, key, retention)
                    self._keep(key, state, known)
        return known

    def forget_stale(self, store: DatasetStore) -> None:
        """Let go of data sets that were deleted, and of those whose templates are gone or were made again."""
        with self._lock:
            kept = list(self._open.items())
        stale = []
        for key, (state, _) in kept:
            try:
                current = state == _state(store, key)
            except (OSError, DamagedDatasetError):
                current = False
            if not current:
                stale.append(key)
        del kept  # it holds them too
        with self._lock:
            for key in stale:
                self._open.pop(key, None)

    def _known(self, key: str, state: object) -> DatasetSearch | None:
        """What is kept of a data set in this state; of another state it is forgotten."""
        with self._lock:
            known = self._open.pop(key, None)
            if known is None or known[0] != state:
                return None
            self._open[key] = known
            return known[1]

    def _keep(self, key: str, state: object, search: DatasetSearch) -> None:
        with self._lock:
            self._open[key] = (state, search)
            while len(self._open) > self._most:
                self._open.popitem(last=False)

    def _read(self, store: DatasetStore, key: str, retention: float) -> DatasetSearch:
        of = stored_templates(store, key, retention)
        profiles = store.profiles(key)
        if profiles is None:
            raise IdentityError(f"{key} has no finished scan any more")
        names = [batch.column("file") for _, batch in read_batches(profiles, ["file"])]
        return DatasetSearch(of, pa.chunked_array(names, pa.string()))
