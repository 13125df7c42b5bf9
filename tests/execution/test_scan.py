"""A scan from files to published profiles."""

import os

from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from tests.execution.conftest import by_file, profiles
from tests.execution.fake_engine import FakeEngines


def test_every_file_is_one_row_in_the_order_of_paths(store, record, folder, config):
    (folder / "sub").mkdir()
    (folder / "sub/x.png").write_bytes(b"face in a subfolder")
    manifest = scan_dataset(store, record.key, settings=config, engines=FakeEngines(), run_id="r1")
    table = profiles(store, record.key)
    assert table["row"].to_pylist() == list(range(31))
    assert table["file"].to_pylist() == sorted(table["file"].to_pylist())
    assert (manifest.rows, manifest.counts, manifest.run_id) == (31, {"ok": 31}, "r1")
    row = by_file(store, record.key)["sub/x.png"]
    assert row["folder"] == "sub"
    assert row["file_size"] == len(b"face in a subfolder")
    assert row["modified"].timestamp() == (folder / "sub/x.png").stat().st_mtime_ns // 1000 / 1e6
    verdict = evaluate_row(load_rule_set(record.requirements), row)  # rows are judged a chunk at a time
    assert (row["verdict"], row["verdict_reasons"]) == (verdict.overall, list(verdict.reasons))


def test_units_and_descriptions_travel_with_the_profiles(store, record, config):
    scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    schema = store.profiles(record.key).schema
    assert schema.field("image_width").metadata[b"unit"] == b"px"
    assert schema.metadata[b"schema_version"] == b"1"


def test_bad_files_are_rows_with_reasons_and_cost_no_other_row(store, record, folder, config):
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "crash.jpg").write_bytes(b"crash")
    (folder / "memory.jpg").write_bytes(b"memory")
    (folder / "hang.jpg").write_bytes(b"hang")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    limits = config.model_copy(update={"image_timeout": 3.0, "worker_memory": 1_000_000_000})
    manifest = scan_dataset(store, record.key, settings=limits, engines=FakeEngines())
    rows = by_file(store, record.key)
    assert manifest.counts == {"ok": 30, "unreadable": 3, "crashed": 2, "timeout": 1}
    assert {
        name: rows[f"{name}.jpg"]["reason_code"] for name in ("empty", "crash", "memory", "hang", "loop", "pipe")
    } == {
        "empty": "empty",
        "crash": "crashed",
        "memory": "out_of_memory",
        "hang": "timeout",
        "loop": "broken_link",
        "pipe": "not_a_file",
    }
    assert all(row["reason"] for row in rows.values() if row["status"] != "ok")


def test_empty_folder_is_published_without_rows(store, tmp_path, config):
    from bqat_pipeline.datasets import Source

    (tmp_path / "nothing").mkdir()
    record = store.create("nothing", [Source(uri=str(tmp_path / "nothing"), prefix="nothing")])
    manifest = scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    assert (manifest.rows, manifest.background) == (0, True)
    assert profiles(store, record.key).num_rows == 0


def test_a_data_set_says_whether_the_background_was_asked_for(store, tmp_path, config):
    from bqat_pipeline.datasets import Source

    (tmp_path / "nothing").mkdir()
    record = store.create("nothing", [Source(uri=str(tmp_path / "nothing"), prefix="nothing")])
    without = config.model_copy(update={"background": False})
    assert not scan_dataset(store, record.key, settings=without, engines=FakeEngines()).background
    assert store.manifest(record.key).background is False


def test_progress_says_where_the_scan_stands(store, record, config):
    scan_dataset(store, record.key, settings=config, engines=FakeEngines(), run_id="r1")
    progress = store.progress(record.key)
    assert (progress.done, progress.total, progress.failed, progress.run_id) == (30, 30, 0, "r1")


def test_engine_that_takes_batches_loses_only_the_file_that_ends_it(store, folder, config):
    from bqat_pipeline.datasets import ScanOptions, Source

    (folder / "crash.jpg").write_bytes(b"crash")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    record = store.create("set", [Source(uri=str(folder), prefix="data/set")], ScanOptions(engine="ofiq"))
    manifest = scan_dataset(store, record.key, settings=config, engines=FakeEngines())
    assert manifest.counts == {"ok": 30, "crashed": 1, "unreadable": 1}
    assert manifest.verdicts == {}
