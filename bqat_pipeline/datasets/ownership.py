"""One data set for one folder, whoever asks for it: the folder sensor, a client of the facade, the command line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from bqat_pipeline.columns import DEFAULT_FUSION
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.keys import slug
from bqat_pipeline.datasets.listing import EXTENSIONS
from bqat_pipeline.datasets.records import DatasetRecord, ScanOptions, Source
from bqat_pipeline.datasets.store import DatasetStore, UnknownDatasetError


@contextmanager
def creation_lock(store: DatasetStore) -> Iterator[None]:
    """Hold the right to look whether a folder has a data set, and to make one; for all processes of this machine.

    On S3 there is no such lock: two data sets of one folder are possible there, of which the second takes over the
    rows of the first.
    """
    if not store.home.is_local:
        yield
        return
    store.prepare()
    with FileLock(store.home.local / ".creation.lock", mode=0o600):
        yield


def automatic_dataset(store: DatasetStore, source: Source) -> DatasetRecord | None:
    """The data set that the folder sensor made of a folder, the newest first; None when there is none."""
    if source.files is not None or source.temporary:
        return None
    found: list[DatasetRecord] = []
    prefix = f"{slug(source.prefix.rsplit('/', 1)[-1])}-"  # its name is the folder's
    for key in list(store.keys()):
        if key.startswith(prefix):
            with suppress(UnknownDatasetError):
                record = store.record(key)
                if record.automatic and is_of_folder(record, source):
                    found.append(record)
    return max(found, key=lambda record: record.created, default=None)


def latest_dataset(store: DatasetStore, folder: str, options: ScanOptions) -> DatasetRecord | None:
    """The data set that was made last from a folder with options that lead to the same rows, or None.

    Parameters
    ----------
    folder : Full path.
    """
    source = Source(uri=folder, prefix="")
    matches = (r for r in store.records() if measures_alike(r.options, options) and is_of_folder(r, source))
    return max(matches, key=lambda r: r.created, default=None)


def folder_source(folder: Path, data: str) -> Source:
    """A local folder as the source of a data set; ``file`` begins with ``data/`` below the data root.

    Parameters
    ----------
    folder : Full path.
    data : The data root (``BQAT_DATA``).
    """
    root = Location.parse(data)
    prefix = folder.name
    if root.is_local and folder.resolve().is_relative_to(root.local.resolve()):
        relative = folder.resolve().relative_to(root.local.resolve()).as_posix()
        prefix = "data" if relative == "." else f"data/{relative}"
    return Source(uri=str(folder), prefix=prefix)


def is_of_folder(record: DatasetRecord, source: Source) -> bool:
    """Whether a data set holds everything below one folder and nothing else."""
    wanted = (real_uri(source.uri), None)
    return source.files is None and [(real_uri(s.uri), s.files) for s in record.sources] == [wanted]


def real_uri(uri: str) -> str:
    """The place of a source without links on the way: the data root may be named by one."""
    return uri if "://" in uri else os.path.realpath(uri)


def measures_alike(one: ScanOptions, other: ScanOptions) -> bool:
    """Whether two sets of options lead to the same rows."""
    return _relevant(one) == _relevant(other)


def _relevant(options: ScanOptions) -> tuple[object, ...]:
    extensions = frozenset(e.lower().lstrip(".") for e in options.source or ()) or EXTENSIONS
    fusion = (options.fusion or DEFAULT_FUSION) if options.engine == "fusion" else None
    return options.engine, fusion, options.confidence, extensions, options.pattern or ""
