"""Opening of review tables: the most recently used ones stay in memory, within bounds."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from bqat_pipeline.datasets import DamagedDatasetError, DatasetRecord, DatasetStore, Generation, Location, Manifest
from bqat_pipeline.datasets.stored import SCAN_AGAIN
from bqat_pipeline.requirements import RuleSet
from bqat_pipeline.review.cache import BoundedCache
from bqat_pipeline.review.findings import Findings, FindingTimes, finding_times, read_findings
from bqat_pipeline.review.judging import Judgement, judge
from bqat_pipeline.review.metadata import Categories, Opener, read_metadata
from bqat_pipeline.review.profile_columns import ProfileColumns
from bqat_pipeline.review.spill import prepare
from bqat_pipeline.review.table import ReviewTable

# Bytes of profiles, and of what is computed from them, over all open tables.
_MOST_PROFILES, _MOST_TABLES = 300_000_000, 160_000_000


@dataclass(frozen=True)
class _Version:
    """All that a table depends on."""

    key: str
    profiles: Hashable
    rules: str
    findings: FindingTimes
    metadata: Hashable


class ReviewTables:
    """Review tables of all data sets; for threads. Two who open the same table at once open it once.

    Parameters
    ----------
    folder : On local disk, made when it is needed, for columns; None: they are in memory.
    identities : Whether pairs of pictures of one person are read (``BQAT_IDENTITY``).
    """

    def __init__(self, folder: Path | None = None, *, identities: bool = False) -> None:
        self._folder, self._identities = folder, identities
        self._columns: BoundedCache[ProfileColumns] = BoundedCache(_MOST_PROFILES, lambda columns: columns.nbytes)
        self._judged: BoundedCache[Judgement] = BoundedCache(_MOST_TABLES // 2, lambda judged: judged.nbytes)
        self._findings: BoundedCache[Findings] = BoundedCache(_MOST_TABLES // 4, lambda found: found.nbytes)
        self._metadata: BoundedCache[dict[str, Categories]] = BoundedCache(
            _MOST_TABLES // 4, lambda words: sum(column.codes.nbytes for column in words.values())
        )
        self._tables: BoundedCache[ReviewTable] = BoundedCache(_MOST_TABLES, lambda table: table.nbytes)

    def peek(self, store: DatasetStore, record: DatasetRecord, rules: RuleSet) -> ReviewTable | None:
        """The table when it is open and current; reads no table of the data set.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when its manifest cannot be read.
        """
        manifest = store.manifest(record.key)
        if manifest is None:
            return None
        generation = store.generation(record.key, manifest.generation)
        return self._tables.peek(self._version(record, generation, manifest, rules))

    def open(
        self, store: DatasetStore, record: DatasetRecord, rules: RuleSet, metadata: Opener | None = None
    ) -> ReviewTable | None:
        """The table of the generation that readers see, or None before the first finished scan.

        Parameters
        ----------
        metadata : Opens the metadata table of the data set.

        Raises
        ------
        UnreadableDatasetError, DamagedDatasetError : when a part of the data set cannot be read.
        """
        manifest = store.manifest(record.key)
        while manifest is not None:
            found = self._open(store, record, manifest, rules, metadata)
            if found is not None:
                return found
            newer = store.manifest(record.key)
            if newer == manifest:
                raise DamagedDatasetError(f"the result of {record.key}", "its profiles are missing", SCAN_AGAIN)
            manifest = newer  # another scan was published meanwhile, and this generation deleted
        return None

    def _open(
        self,
        store: DatasetStore,
        record: DatasetRecord,
        manifest: Manifest,
        rules: RuleSet,
        metadata: Opener | None,
    ) -> ReviewTable | None:
        generation = store.generation(record.key, manifest.generation)
        version = self._version(record, generation, manifest, rules)
        ready = self._tables.peek(version)
        if ready is not None:
            return ready
        profiles = store.generation_profiles(record.key, manifest)
        if profiles is None:
            return None
        columns = self._columns.get((version.key, version.profiles), lambda: self._read_columns(profiles))
        self._forget(version)
        judged = self._judged.get((version.key, version.profiles, version.rules), lambda: judge(columns, rules))
        findings = self._findings.get(
            (version.key, version.profiles, version.findings),
            lambda: read_findings(generation, columns.rows, identities=self._identities),
        )
        words = self._metadata.get(
            (version.key, version.profiles, version.metadata), lambda: read_metadata(profiles, metadata, columns.rows)
        )
        pa.default_memory_pool().release_unused()
        return self._tables.get(
            version, lambda: ReviewTable(generation, columns, judged, findings, words, repr(version))
        )

    def _read_columns(self, profiles: "ds.Dataset") -> ProfileColumns:
        if self._folder is not None:
            prepare(self._folder)
        return ProfileColumns(profiles, self._folder)

    def _forget(self, version: _Version) -> None:
        """Let go of earlier generations of a data set, of which nobody asks any more, and of what hangs on them."""

        def is_gone(key: str, profiles: Hashable) -> bool:
            return (key, profiles) not in self._columns

        self._columns.drop(lambda key: key[0] == version.key and key[1] != version.profiles)
        self._tables.drop(lambda key: is_gone(key.key, key.profiles))
        for cache in (self._judged, self._findings, self._metadata):
            cache.drop(lambda key: is_gone(key[0], key[1]))

    def _version(self, record: DatasetRecord, generation: Generation, manifest: Manifest, rules: RuleSet) -> _Version:
        table: Hashable = None
        if record.metadata_csv:
            info = Location.parse(record.metadata_csv).info()
            table = (record.metadata_csv, info.mtime_ns, info.size)
        return _Version(
            record.key,
            (manifest.generation, manifest.created),
            rules.digest,
            finding_times(generation, identities=self._identities),
            table,
        )
