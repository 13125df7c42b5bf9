"""Folders and archives that appear below the data root are scanned once, when nobody writes to them any more."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest

from bqat_pipeline.datasets import Source
from bqat_pipeline.datasets.ownership import creation_lock
from bqat_pipeline.orchestration.sensors import data_root, failed_runs
from bqat_pipeline.settings import settings
from resources import DatasetStoreResource
from tests.processes import bound_by_modes


@pytest.fixture
def look(environment, instance):
    """Function that lets the sensor look once; keeps the cursor and adds the partitions it asks for."""
    cursor = None

    def evaluate() -> list[dg.RunRequest]:
        nonlocal cursor
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"store": DatasetStoreResource()})
        result = data_root(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return list(result.run_requests or [])

    return evaluate


@pytest.fixture
def drop(environment):
    """Function that makes a folder of empty pictures below the data root."""

    def make(name, files=("1.jpg", "2.jpg")):
        folder = environment / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file).touch()
        return folder

    return make


def test_new_folder_becomes_a_data_set_and_is_scanned_once(look, drop, store, instance):
    folder = drop("helen")
    (request,) = look()
    record = store.record(request.partition_key)
    assert (record.name, record.sources[0].uri, record.sources[0].prefix) == ("helen", str(folder), "data/helen")
    assert record.automatic
    assert instance.has_dynamic_partition("datasets", request.partition_key)
    assert look() == []


def test_changed_folder_is_scanned_again_as_the_same_data_set(look, drop):
    folder = drop("helen")
    (first,) = look()
    (folder / "sub").mkdir()
    (folder / "sub" / "3.jpg").touch()
    (second,) = look()
    assert second.partition_key == first.partition_key
    assert second.run_key != first.run_key
    assert look() == []


def test_folder_that_is_still_written_to_waits(look, drop, monkeypatch):
    monkeypatch.setenv("BQAT_SENSOR_SETTLE", "1h")
    settings.cache_clear()
    drop("copying")
    assert look() == []
    monkeypatch.setenv("BQAT_SENSOR_SETTLE", "0")
    settings.cache_clear()
    assert len(look()) == 1


def test_folder_of_a_data_set_that_a_client_made_is_left_to_the_client(look, drop, store):
    folder = drop("mine")
    store.create("mine", [Source(uri=str(folder), prefix="data/mine")])
    assert look() == []


def test_folder_that_a_client_scans_part_by_part_is_left_to_the_client(look, drop, store):
    folder = drop("parts/one")
    store.create("one", [Source(uri=str(folder), prefix="data/parts/one")])
    assert look() == []


def test_folder_that_a_client_makes_a_data_set_of_at_the_same_time_gets_one(look, drop, store):
    folder = drop("race")
    found = []
    with creation_lock(store):
        looking = threading.Thread(target=lambda: found.extend(look()))
        looking.start()
        looking.join(0.5)
        store.create("race", [Source(uri=str(folder), prefix="data/race")])
    looking.join()
    assert found == [] and len(list(store.keys())) == 1


def test_copies_made_by_preprocessing_are_left_out(look, environment, instance, pictures, store):
    from bqat_pipeline.datasets.listing import NameFilter, list_source
    from bqat_pipeline.definitions import defs

    inner = pictures / "inner"
    inner.mkdir()
    (pictures / "plain.png").rename(inner / "plain.png")
    for source in ("data/set", "data/set/inner"):
        config = {"source": source, "target": f"{source}_12345", "input_format": ["jpg", "png"], "options": {}}
        assert (
            defs.resolve_job_def("preprocessing")
            .execute_in_process(instance=instance, run_config={"ops": {"preprocess": {"config": config}}})
            .success
        )
    (request,) = look()
    assert store.record(request.partition_key).name == "set"

    def names(folder):
        return {f.name for f in list_source(Source(uri=str(folder), prefix="x"), NameFilter())}

    assert names(pictures) == {"hopper.jpg", "text.jpg", "inner/plain.png"}
    assert names(environment / "data") == {f"set/{name}" for name in names(pictures)}
    assert names(environment / "data/set_12345") == {"set/hopper.jpg", "set/inner/plain.png"}


def test_data_root_behind_a_link_is_the_same_place_for_everybody(look, drop, store, environment, monkeypatch):
    folder = drop("mine")
    (environment / "link").symlink_to(environment / "data")
    monkeypatch.setenv("BQAT_DATA", str(environment / "link"))
    settings.cache_clear()
    store.create("mine", [Source(uri=str(folder), prefix="data/mine")])
    assert look() == []


def test_folders_without_pictures_uploads_links_and_hidden_ones_are_passed_over(look, drop, environment):
    drop("notes", ["readme.txt"])
    drop("uploaded/set")
    drop(".hidden")
    (environment / "data/link").symlink_to(drop("uploaded/other"))
    assert look() == []


def test_folder_of_archives_and_hidden_archives_are_named_and_not_scanned(look, drop, environment, caplog):
    drop("packed", ["a.zip"])
    (environment / "data" / ".faces.zip").touch()
    assert look() == []
    assert "there are no pictures in data/packed: 1 archive is not unpacked: data/packed/a.zip" in caplog.text
    assert ".faces.zip is hidden by its first character; rename it" in caplog.text


def test_folder_that_may_not_be_entered_stops_nothing_else(drop, environment):
    drop("closed").chmod(0)
    drop("helen")
    code = "from bqat_pipeline.datasets.watching import top_folders; import pathlib, sys; "
    code += "print(*(f.name for f in top_folders(pathlib.Path(sys.argv[1]))))"
    command = [*bound_by_modes(), sys.executable, "-c", code, str(environment / "data")]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.stdout.split() == ["closed", "helen"], found.stderr


def test_names_that_are_not_utf8_stop_nothing_else(look, drop, environment, store, caplog):
    odd = os.fsdecode(b"caf\xe9")
    drop(odd)
    (environment / "data" / f"{odd}.zip").touch()
    drop("helen")
    assert [store.record(request.partition_key).name for request in look()] == ["helen"]
    assert look() == []
    assert r"caf\xe9 is not UTF-8" in caplog.text and r"caf\xe9.zip is not UTF-8" in caplog.text


def test_removed_folder_is_forgotten_and_its_results_stay(look, drop, store):
    folder = drop("helen")
    (request,) = look()
    shutil.rmtree(folder)
    assert look() == []
    assert store.record(request.partition_key)
    drop("helen", ["4.jpg"])
    (again,) = look()
    assert again.partition_key == request.partition_key


@pytest.mark.parametrize("name", ["a.zip", "b.tar", "c.tar.gz", "d.TGZ", "e.tar.xz", "f.7z", "g.rar"])
def test_every_kind_of_archive_is_handed_on(look, environment, name):
    """Those that cannot be unpacked too: the run says why."""
    (environment / "data" / name).write_bytes(b"x")
    (environment / "data" / "notes.txt").write_bytes(b"x")
    (request,) = look()
    assert request.job_name == "ingest_archive"
    assert request.run_config["ops"]["unpack_archive"]["config"] == {"archive": name}
    assert look() == []


def test_dropped_archive_is_unpacked_once_and_stays(look, environment, instance, store):
    archive = environment / "data" / "faces.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("a/1.jpg", b"")
    (request,) = look()
    assert request.job_name == "ingest_archive"
    from bqat_pipeline.definitions import defs

    job = defs.resolve_job_def("ingest_archive")
    assert job.execute_in_process(instance=instance, run_config=request.run_config).success
    assert (environment / "data/faces/a/1.jpg").exists() and archive.exists()
    (scan,) = look()
    assert store.record(scan.partition_key).name == "faces"
    assert look() == []


def test_cursor_stays_small_and_a_reset_one_asks_again(look, drop, environment):
    for number in range(20):
        drop(f"set{number:02d}")
    assert len(look()) == 20
    assert len(list((environment / "home/watched").iterdir())) <= 2
    assert look() == []
    for path in (environment / "home/watched").iterdir():
        path.unlink()
    assert len(look()) == 20


def test_many_new_folders_come_a_few_at_a_time(look, drop):
    for number in range(25):
        drop(f"set{number:02d}")
    assert [len(look()) for _ in range(3)] == [20, 5, 0]


def test_failed_run_is_told_to_the_webhook_in_the_words_of_its_reason(record, pictures, instance, monkeypatch, caplog):
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("BQAT_WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/hook?secret=abc")
        settings.cache_clear()
        shutil.rmtree(pictures)
        from bqat_pipeline.definitions import defs

        result = defs.resolve_job_def("scan").execute_in_process(
            instance=instance, partition_key=record.key, raise_on_error=False
        )
        assert not result.success
        failure = next(e for e in result.all_events if e.event_type_value == "PIPELINE_FAILURE")
        failed_runs(
            dg.build_run_status_sensor_context(
                "failed_runs", failure, instance, instance.get_run_by_id(result.run_id)
            ).for_run_failure()
        )
        server.shutdown()
        thread.join()
    (message,) = received
    assert (message["event"], message["job"], message["dataset"]) == ("run_failed", "scan", record.key)
    assert str(pictures) in message["message"] and "Steps failed" not in message["message"]
    (line,) = [entry.getMessage() for entry in caplog.records if entry.name == "bqat_pipeline.orchestration.sensors"]
    assert line == f"scan of {record.key} failed: {' '.join(message['message'].split())}"


@pytest.mark.parametrize(
    ("message", "cls_name", "told"),
    [
        ("ValueError: the table has no header\n", "ValueError", "the table has no header"),
        ("dagster._core.errors.DagsterExecutionInterruptedError\n", "DagsterExecutionInterruptedError", "interrupted"),
        ("KeyboardInterrupt\n", "KeyboardInterrupt", "interrupted"),
        ("some.package.OddError\n", "OddError", "no reason is known (OddError)"),
        ("ValueError:\n", "ValueError", "no reason is known (ValueError)"),
    ],
)
def test_failure_is_told_as_a_sentence(message, cls_name, told):
    from dagster._core.execution.plan.objects import StepFailureData
    from dagster._utils.error import SerializableErrorInfo

    from bqat_pipeline.orchestration.run_failures import sentence_of

    cause = SerializableErrorInfo(message, [], cls_name)
    error = SerializableErrorInfo("DagsterExecutionStepExecutionError: step", [], "Step", cause=cause)
    assert told in sentence_of(StepFailureData(error, None))


def test_rescan_asks_for_every_data_set_with_lasting_files(record, store, instance, pictures, tmp_path):
    from datetime import UTC, datetime

    from assets.partitions import datasets
    from bqat_pipeline.orchestration.schedules import rescan

    passing = store.create("upload", [Source(uri=str(pictures), prefix="temp/x", temporary=True)])
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as local:
        local.add_dynamic_partitions(datasets.name, [record.key, passing.key])
        context = dg.build_schedule_context(
            instance=local,
            scheduled_execution_time=datetime(2026, 1, 1, tzinfo=UTC),
            resources={"store": DatasetStoreResource()},
        )
        assert [request.partition_key for request in rescan(context)] == [record.key]
