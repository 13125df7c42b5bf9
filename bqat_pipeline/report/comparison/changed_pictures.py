"""Which pictures have another outcome than in another scan."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.report.document import ChangedPicture, ChangedPictures
from bqat_pipeline.requirements import OUTCOMES, RuleSet, evaluate_batch
from bqat_pipeline.requirements.evaluate import needed_columns

# Examples of each direction.
_SHOWN = 200
_RANK = {"pass": 2, "borderline": 1, "fail": 0}
# Rows judged at a time.
_BLOCK = 65_536


class _Scan:
    """Names without the source's prefix, hashes and outcomes of a scan."""

    def __init__(self, profiles: "ds.Dataset", prefixes: Sequence[str], rules: RuleSet) -> None:
        present = profiles.schema.names
        facts = [name for name in ("row", "file", "sha256") if name in present]
        columns = list(dict.fromkeys([*facts, *needed_columns(rules, present)]))
        codes: list[NDArray[np.int8]] = []
        tables: list[pa.RecordBatch] = []
        for batch in profiles.to_batches(columns=columns, batch_size=_BLOCK):
            if batch.num_rows:
                codes.append(evaluate_batch(rules, batch)["overall"])
                tables.append(batch.select(facts))
        table = pa.Table.from_batches(tables) if tables else profiles.schema.empty_table().select(facts)
        table = table.combine_chunks()
        self.codes = np.concatenate(codes) if codes else np.zeros(0, np.int8)
        self.rows = table["row"].to_numpy()
        self.files = table["file"]
        unknown = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
        self.hashes = table["sha256"] if "sha256" in facts else unknown
        self.names = self.files
        for prefix in prefixes:
            below = pc.starts_with(self.files, f"{prefix}/")
            self.names = pc.if_else(below, pc.utf8_slice_codeunits(self.files, len(prefix) + 1), self.names)


def changed_pictures(store: DatasetStore, first: str, second: str, rules: RuleSet) -> ChangedPictures | None:
    """Pictures of the second data set that the first one holds too: by name below the scanned folder, else by content.

    The same data set twice: its last scan against the one before. None where a scan is not there.
    """
    now = _opened(store, second, rules)
    before = _opened(store, first, rules, previous=first == second)
    if now is None or before is None:
        return None
    partner = _places(now.names, before.names)
    by_content = _places(now.hashes, before.hashes)
    partner = np.where(partner < 0, by_content, partner)
    here = np.flatnonzero(partner >= 0)
    there = partner[here]
    rank = np.array([_RANK.get(name, -1) for name in OUTCOMES], np.int8)
    old, new = rank[before.codes[there]], rank[now.codes[here]]
    comparable = (old >= 0) & (new >= 0)
    chosen = [comparable & (new > old), comparable & (new < old)]
    examples: list[tuple[int, int]] = []
    for mask in chosen:
        found = np.flatnonzero(mask)
        furthest = found[np.argsort(-np.abs(new[found] - old[found]), kind="stable")][:_SHOWN]
        examples += [(int(here[place]), int(there[place])) for place in furthest]
    return ChangedPictures(
        matched=len(here),
        only_before=len(before.codes) - len(np.unique(there)),
        only_now=len(now.codes) - len(here),
        better=int(chosen[0].sum()),
        worse=int(chosen[1].sum()),
        other=int(((old >= 0) != (new >= 0)).sum()),
        examples=[_example(now, before, *pair) for pair in examples],
    )


def _example(now: _Scan, before: _Scan, here: int, there: int) -> ChangedPicture:
    digest = now.hashes[here].as_py()
    return ChangedPicture(
        file=now.files[here].as_py(),
        row=int(now.rows[here]),
        row_before=int(before.rows[there]),
        before=OUTCOMES[before.codes[there]],
        now=OUTCOMES[now.codes[here]],
        same_bytes=digest is not None and digest == before.hashes[there].as_py(),
    )


def _opened(store: DatasetStore, key: str, rules: RuleSet, *, previous: bool = False) -> _Scan | None:
    manifest = store.manifest(key)
    if manifest is not None and previous:
        manifest = store.generation(key, manifest.previous).manifest() if manifest.previous else None
    profiles = store.generation_profiles(key, manifest) if manifest is not None else None
    if profiles is None:
        return None
    return _Scan(profiles, [source.prefix for source in store.record(key).sources if source.prefix], rules)


def _places(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> NDArray[np.int64]:
    """Where each value stands among others, -1 where it does not."""
    values = pa.chunked_array(among).combine_chunks()
    found = pc.index_in(wanted, value_set=values, skip_nulls=True)
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)
