"""What is answered from the pairs of a data set: by names, the best picture of a group, distances, many copies."""

import json
import shutil
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.identity import templates
from bqat_pipeline.identity.calibration import calibrate
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.finding import IdentityOptions, find_pairs, write_identities
from bqat_pipeline.identity.names import names_of
from bqat_pipeline.identity.questions import different_persons, pairs_between, pairs_of_templates, stored_pairs
from bqat_pipeline.identity.running import find_identities
from bqat_pipeline.identity.searching import Searches, stored_templates
from bqat_pipeline.identity.templates import read_templates
from bqat_pipeline.settings import Settings
from tests.identity.fake_templates import FakeTemplateEngines
from tests.identity.scans import scanned


def test_questions_by_names(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, tmp_path: Path
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    profiles, of = store.profiles(record.key), stored_templates(store, record.key, config.identity_retention)
    table = store.found(record.key, "identities")
    assert profiles is not None
    assert table is not None
    folders = names_of(record, profiles, "folder")
    two_names = [(pair.a, pair.b, pair.name_a, pair.name_b) for pair in stored_pairs(table, 0.34, folders)]
    assert sorted(two_names) == [
        ("set/p03/1.jpg", "set/p07/0.jpg", "p03", "p07"),
        ("set/p03/1.jpg", "set/p07/1.jpg", "p03", "p07"),
    ]
    assert pairs_of_templates(of, profiles, 0.34, folders) == stored_pairs(table, 0.34, folders)
    one_name = different_persons(of, profiles, folders)
    assert [(pair.a, pair.b, pair.name_a) for pair in one_name] == [("set/p03/0.jpg", "set/p03/1.jpg", "p03")]
    assert set(one_name[0].as_row()) == {"a", "b", "distance", "name_a", "name_b"}
    assert (names_of(record, profiles, "folder:1") == folders).all()
    for nobody in ("person", "folder:0", "folder:²"):
        with pytest.raises(IdentityError, match=f"no metadata table with a column {nobody}"):
            names_of(record, profiles, nobody)

    listing = tmp_path / "who.csv"
    lines = [f"p{number:02d}/{shot}.jpg,{'' if number == 7 else number}" for number in range(12) for shot in range(2)]
    listing.write_text("file,person\n" + "\n".join(lines))
    with_table = record.model_copy(update={"metadata_csv": str(listing)})
    persons = names_of(with_table, profiles, "person")
    assert sorted(set(persons)) == sorted(["", *(str(number) for number in range(12) if number != 7)])
    assert stored_pairs(table, 0.34, persons) == []  # p07 has no name: nothing is said about it
    with pytest.raises(IdentityError, match="no column height"):
        names_of(with_table, profiles, "height")

    both = pairs_between(of, profiles, of, profiles, 0.34)
    assert both[0].distance == 0
    assert len(both) == 25 + 2 * 15

    found = calibrate(of, folders)
    assert (found.genuine, found.persons) == (14, 12)
    assert found.points[0].fnmr == pytest.approx(1 / 14, abs=1e-4)
    json.dumps([pair.as_row() for pair in both])


def test_profiles_without_digests_are_refused_in_one_sentence(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    with pytest.raises(IdentityError, match="no finished scan"):
        find_identities(store, record.key, config, engines=engines)
    scanned(store, record, config)
    swapped = config.model_copy(update={"identity_model": __file__})
    with pytest.raises(IdentityError, match="cut short"):
        find_identities(store, record.key, swapped)


def test_the_best_picture_of_a_group_is_named(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, folder: Path
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    before, profiles = store.found(record.key, "identities"), store.profiles(record.key)
    assert before is not None
    assert profiles is not None
    chosen = {"set/p07/1.jpg": ("pass", 40.0), "set/p07/0.jpg": ("pass", 30.0), "set/p03/1.jpg": ("fail", 90.0)}
    table = profiles.to_table()
    files = table.column("file").to_pylist()
    verdict = pa.array([chosen.get(file, ("fail", 1.0))[0] for file in files])
    utility = pa.array([chosen.get(file, ("fail", 1.0))[1] for file in files], pa.float64())
    for name, column in (("verdict", verdict), ("aux_utility", utility)):
        if name in table.schema.names:
            table = table.drop_columns(name)
        table = table.append_column(name, column)
    generation = store.current(record.key)
    assert generation is not None
    of = stored_templates(store, record.key, config.identity_retention)
    write_identities(ds.dataset(table), generation, of)
    found = store.found(record.key, "identities")
    assert found is not None
    best = {(pair["a"], pair["b"]): pair["best"] for pair in found.to_table().to_pylist()}
    assert best["set/p03/1.jpg", "set/p07/0.jpg"] == "set/p07/1.jpg"
    assert best["set/p00/0.jpg", "set/p00/1.jpg"] == "set/p00/0.jpg"


def test_so_many_copies_that_not_all_pairs_are_kept(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, folder: Path
) -> None:
    for number in range(4):
        for copy in range(4):
            shutil.copy(folder / f"p{number:02d}" / "0.jpg", folder / f"p{number:02d}" / f"copy{copy}.jpg")
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    of = stored_templates(store, record.key, config.identity_retention)
    every = find_pairs(of, IdentityOptions())
    assert not every.left_out
    for most in (1, 10, 37, len(every.first) - 1, len(every.first)):
        found = find_pairs(of, IdentityOptions(most_pairs=most))
        assert len(found.first) == min(most, len(every.first))
        assert found.left_out == (most < len(every.first))
        # Which of equally close ones are kept is open.
        assert found.distance.tolist() == every.distance[:most].tolist()
        assert (found.first < found.second).all()
        assert len(set(zip(found.first.tolist(), found.second.tolist(), strict=True))) == len(found.first)


def test_every_pair_counts_that_is_of_files_with_other_bytes(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines, folder: Path
) -> None:
    """Also one at distance 0, as of the same picture with another comment in the file; and what has no template."""
    (folder / "p05" / "2.jpg").unlink()
    scanned(store, record, config)
    (folder / "p11" / "1.jpg").unlink()
    before = find_identities(store, record.key, config, engines=engines)
    assert before["pairs"] == before["pairs_of_other_files"]
    assert before["without_template"] == {"not_made": 1, "turned_away": 1}
    of = stored_templates(store, record.key, config.identity_retention)
    of.templates.vectors[:] = of.templates.vectors[of.vector[0]]
    profiles, generation = store.profiles(record.key), store.current(record.key)
    assert profiles is not None
    assert generation is not None
    summary = write_identities(profiles, generation, of)
    count = len(of.position)
    assert summary["pairs_of_other_files"] == count * (count - 1) // 2


def test_a_distance_is_shown_below_the_threshold(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    profiles, of = store.profiles(record.key), stored_templates(store, record.key, config.identity_retention)
    assert profiles is not None
    exact = find_pairs(of, IdentityOptions()).distance
    rounded_up = int(np.flatnonzero(exact.astype(float).round(4) > exact)[-1])
    threshold = np.nextafter(exact[rounded_up], np.float32(1)).item()
    chosen = config.model_copy(update={"identity_threshold": threshold})
    summary = find_identities(store, record.key, chosen, engines=engines)
    table = store.found(record.key, "identities")
    assert table is not None
    listed = stored_pairs(table, threshold)
    assert len(listed) == summary["pairs"] == rounded_up + 1
    assert all(pair.distance < threshold for pair in listed)
    assert pairs_of_templates(of, profiles, threshold) == listed


def test_reading_many_templates_takes_the_memory_of_one_copy(
    store: DatasetStore,
    record: DatasetRecord,
    config: Settings,
    engines: FakeTemplateEngines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a million they are 400 MB."""
    monkeypatch.setattr(templates, "_BATCH", 3000)
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    files = IdentityFiles.of(store, record.key)
    count, one = 30_000, np.full(128, 128**-0.5, np.float16).tobytes()
    digests = pa.array([number.to_bytes(32, "big") for number in range(count)], pa.binary(32))
    schema = pq.read_schema(files.templates.local)
    columns = [digests, pa.nulls(count, pa.string()), pa.array([one] * count, pa.binary(256))]
    pq.write_table(pa.table(columns, schema=schema), files.templates.local, row_group_size=3000)
    tracemalloc.start()
    try:
        found = read_templates(files)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == count
    assert peak < 2 * (found.keys.nbytes + found.vectors.nbytes + found.reasons.nbytes)


def test_templates_that_were_searched_leave_the_memory_with_those_on_disk(
    store: DatasetStore, record: DatasetRecord, config: Settings, engines: FakeTemplateEngines
) -> None:
    scanned(store, record, config)
    find_identities(store, record.key, config, engines=engines)
    searches = Searches()
    held = weakref.ref(searches.open(store, record.key, 3600.0))
    searches.forget_stale(store)
    assert held() is not None
    IdentityFiles.of(store, record.key).forget()
    searches.forget_stale(store)
    assert held() is None
