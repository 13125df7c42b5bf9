"""The job `scan` as Dagster runs it."""

import dagster as dg
import pytest

from bqat_pipeline.columns import FACE
from bqat_pipeline.definitions import defs


def run(record, instance, selection=("images", "face_profiles"), run_config=None):
    return defs.resolve_job_def("scan").execute_in_process(
        instance=instance,
        partition_key=record.key,
        asset_selection=[dg.AssetKey(name) for name in selection],
        run_config=run_config,
    )


def metadata(result, asset):
    (event,) = result.asset_materializations_for_node(asset)
    return {key: value.value for key, value in event.metadata.items()}


def test_run_publishes_profiles_and_tells_the_steward(record, instance, store):
    result = run(record, instance)
    assert result.success
    manifest = store.manifest(record.key)
    assert manifest.counts == {"ok": 1, "no_face": 1, "unreadable": 1}
    assert manifest.run_id == result.run_id
    shown = metadata(result, "face_profiles")
    assert shown["dagster/row_count"] == 3
    assert shown["status_unreadable"] == 1
    assert shown["measured_percent"] == 33.33
    assert len(shown["first_rows"].records) == 3


def test_checks_warn_of_bad_pictures_without_stopping_the_run(record, instance):
    result = run(record, instance)
    checks = {c.check_name: c for c in result.get_asset_check_evaluations()}
    assert not checks["readable"].passed and checks["readable"].severity.value == "WARN"
    assert not checks["single_face"].passed
    assert checks["readable"].metadata["percent"].value == 66.67
    for check in checks.values():
        assert check.description.startswith("set: ")
        assert (check.metadata["dataset"].value, check.metadata["name"].value) == (record.key, "set")


def test_check_tells_of_pictures_that_were_passed_over(record, instance, pictures):
    def complete():
        (check,) = (c for c in run(record, instance).get_asset_check_evaluations() if c.check_name == "complete")
        return check

    assert complete().passed
    (pictures / "hopper.jpg").rename(pictures / "hopper.jpg_large")
    check = complete()
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.metadata["other_pictures"].value == 1
    assert "data/set/hopper.jpg_large" in check.description


def test_check_fails_when_a_folder_could_not_be_read(record, instance, store):
    from assets.checks import check_profiles
    from bqat_pipeline.datasets.records import PassedOver

    run(record, instance)
    unread = PassedOver(unreadable_folders=30, unreadable_folder_names=[f"data/set/{n:02d}" for n in range(20)])
    check = next(check_profiles(record, store.manifest(record.key).model_copy(update={"passed_over": unread})))
    assert (check.check_name, check.passed, check.severity.value) == ("complete", False, "ERROR")
    assert check.description.startswith("set: 30 folders could not be read: data/set/00")
    assert check.description.endswith("and 25 more")


def test_emptied_source_fails_the_run_and_results_stay_unless_it_is_meant(record, instance, store, pictures):
    run(record, instance)
    first = store.manifest(record.key)
    for path in pictures.iterdir():
        path.unlink()
    job = defs.resolve_job_def("scan")
    failed = job.execute_in_process(instance=instance, partition_key=record.key, raise_on_error=False)
    assert not failed.success
    messages = [str(e.step_failure_data.error) for e in failed.all_events if e.is_step_failure]
    assert "is empty, and held 3 files before; is it mounted?" in messages[0]
    assert store.manifest(record.key) == first
    config = {"ops": {"images": {"config": {"allow_empty": True}}}}
    assert run(record, instance, run_config=config).success
    assert store.manifest(record.key).rows == 0


def test_second_run_finds_nothing_to_do(record, instance, store):
    run(record, instance)
    first = store.manifest(record.key)
    assert run(record, instance).success
    assert store.manifest(record.key) == first


def test_forced_run_measures_again(record, instance, store):
    run(record, instance)
    first = store.manifest(record.key)
    assert run(record, instance, run_config={"ops": {"images": {"config": {"force": True}}}}).success
    assert store.manifest(record.key).generation != first.generation
    assert store.manifest(record.key).rows == 3


def test_whole_job_leaves_outliers_duplicates_and_report_and_no_uploads(record, instance, store, pictures):
    uploads = store.uploads.local / "task"
    uploads.parent.mkdir(parents=True)
    pictures.rename(uploads)
    source = record.sources[0].model_copy(update={"uri": str(uploads), "temporary": True})
    store.save(record.model_copy(update={"sources": [source]}))
    result = defs.resolve_job_def("scan").execute_in_process(instance=instance, partition_key=record.key)
    assert result.success
    assert store.found(record.key, "outliers") is not None
    assert store.found(record.key, "duplicates") is not None
    assert (store.report(record.key) / "index.html").is_file()
    assert not uploads.exists()
    assert store.manifest(record.key).rows == 3


@pytest.mark.parametrize("missing", [True, False])
def test_first_scan_of_nothing_leaves_no_ghost(record, instance, store, pictures, missing):
    for path in list(pictures.iterdir()):
        path.unlink()
    if missing:
        pictures.rmdir()
    job = defs.resolve_job_def("scan")
    result = job.execute_in_process(instance=instance, partition_key=record.key, raise_on_error=False)
    assert not result.success
    told = result.failure_data_for_node("images").user_failure_data.description
    assert ("there is no folder" if missing else "there are no pictures in data/set") in told
    assert not store.folder(record.key).exists() and list(store.records()) == []
    assert not instance.has_dynamic_partition("datasets", record.key)


def test_source_that_goes_after_the_first_scan_takes_nothing_along(record, instance, store, pictures):
    run(record, instance)
    before = store.manifest(record.key)
    pictures.rename(pictures.with_name("away"))
    job = defs.resolve_job_def("scan")
    assert not job.execute_in_process(instance=instance, partition_key=record.key, raise_on_error=False).success
    assert store.manifest(record.key) == before and instance.has_dynamic_partition("datasets", record.key)


def test_whole_job_ends_well_on_a_folder_without_a_single_face(record, instance, store, pictures):
    for path in list(pictures.iterdir()):
        if path.name != "text.jpg":
            path.unlink()
    result = defs.resolve_job_def("scan").execute_in_process(instance=instance, partition_key=record.key)
    assert result.success
    assert store.manifest(record.key).rows == 1
    assert (store.report(record.key) / "index.html").is_file()


def test_exploratory_page_is_a_run_of_its_own_made_once_for_the_same_profiles(record, instance, store, monkeypatch):
    # All 110 columns take half a minute to draw; these are of each kind.
    some = [FACE[name] for name in ("confidence", "bbox_left", "yaw_pose", "glasses", "smile")]
    monkeypatch.setattr("bqat_pipeline.report.eda.page.columns_for", lambda *_: some)
    job = defs.resolve_job_def("explore")
    assert defs.resolve_job_def("scan").execute_in_process(instance=instance, partition_key=record.key).success
    page = store.report(record.key) / "eda.html"
    assert not page.exists()
    assert job.execute_in_process(instance=instance, partition_key=record.key).success
    first = page.info().mtime_ns
    assert first is not None
    result = job.execute_in_process(instance=instance, partition_key=record.key)
    assert metadata(result, "exploration")["bytes"] == page.info().size
    assert page.info().mtime_ns == first


def test_exploration_of_a_set_without_faces_ends_well_and_leaves_nothing(record, instance, store, pictures):
    (pictures / "hopper.jpg").unlink()
    assert run(record, instance).success
    result = defs.resolve_job_def("explore").execute_in_process(instance=instance, partition_key=record.key)
    assert result.success and not result.asset_materializations_for_node("exploration")
    assert not store.report(record.key).exists()


def test_exploration_waits_for_no_scan_and_no_scan_for_it():
    pools = {
        spec.key.to_user_string(): defs.resolve_asset_graph().get(spec.key).pools
        for spec in defs.resolve_all_asset_specs()
    }
    assert pools.pop("exploration") == {"exploration"}
    assert pools.pop("face_profiles") == {"scan"}
    assert not set().union(*pools.values())
    scanned = defs.resolve_job_def("scan").asset_layer.executable_asset_keys
    assert not {"exploration", "review"} & {key.to_user_string() for key in scanned}
