"""Jobs of single requests."""

import os
import zipfile

import dagster as dg
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.identity_files import IdentityFiles
from bqat_pipeline.definitions import defs


def test_housekeeping_keeps_young_runs(instance, record):
    scan = defs.resolve_job_def("scan").execute_in_process(
        instance=instance, partition_key=record.key, asset_selection=[dg.AssetKey("images")]
    )
    result = defs.resolve_job_def("housekeeping").execute_in_process(instance=instance)
    assert result.success
    assert instance.get_run_by_id(scan.run_id) is not None


def test_housekeeping_deletes_expired_templates_of_the_home_of_its_resource(instance, environment):
    place = environment / "elsewhere"
    store = DatasetStore(Location.parse(place))
    templates = IdentityFiles.of(store, store.create("set", []).key).templates
    templates.write_bytes(b"templates")
    for path in (templates.local, templates.local.parent):
        os.utime(path, (1, 1))
    config = {"resources": {"store": {"config": {"home": str(place)}}}}
    result = defs.resolve_job_def("housekeeping").execute_in_process(instance=instance, run_config=config)
    assert result.success
    assert not templates.exists()


def test_copies_are_made_of_the_pictures_of_a_folder(instance, environment, pictures):
    config = {
        "source": "data/set",
        "target": "data/set_12345",
        "input_format": ["jpg", "png"],
        "options": {"scale": 0.5, "mode": "grayscale", "convert": "png"},
    }
    result = defs.resolve_job_def("preprocessing").execute_in_process(
        instance=instance, run_config={"ops": {"preprocess": {"config": config}}}
    )
    assert result.success
    made = sorted(path.name for path in (environment / "data/set_12345").rglob("*.png"))
    assert made == ["hopper.png", "plain.png"]
    assert sorted(path.name for path in pictures.iterdir()) == ["hopper.jpg", "plain.png", "text.jpg"]


def test_detection_for_a_data_set_without_profiles_fails_with_words(instance, store, record):
    result = defs.resolve_job_def("detect_outliers").execute_in_process(
        instance=instance,
        run_config={"ops": {"detect": {"config": {"dataset": record.key}}}},
        raise_on_error=False,
    )
    assert not result.success
    assert "has no profiles yet" in result.failure_data_for_node("detect").user_failure_data.description


def test_archive_that_leads_out_is_refused(instance, environment):
    with zipfile.ZipFile(environment / "data" / "evil.zip", "w") as archive:
        archive.writestr("../evil.jpg", b"x")
    result = defs.resolve_job_def("ingest_archive").execute_in_process(
        instance=instance,
        run_config={"ops": {"unpack_archive": {"config": {"archive": "evil.zip"}}}},
        raise_on_error=False,
    )
    assert not result.success
    assert [path.name for path in environment.joinpath("data").iterdir()] == ["evil.zip"]
    assert not (environment / "evil.jpg").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nested.zip", "the archive was not unpacked: nested.zip: the archive holds no pictures, but 2 files: 2 .zip"),
        ("set.7z", "7z archives are not read; send a zip or tar archive"),
    ],
)
def test_archive_that_nothing_comes_of_says_why(instance, environment, name, said):
    path = environment / "data" / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("batch1.zip", b"x")
            archive.writestr("batch2.zip", b"x")
    else:
        path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    result = defs.resolve_job_def("ingest_archive").execute_in_process(
        instance=instance,
        run_config={"ops": {"unpack_archive": {"config": {"archive": name}}}},
        raise_on_error=False,
    )
    assert not result.success
    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert said in failure.event_specific_data.user_failure_data.description
    assert [p.name for p in environment.joinpath("data").iterdir()] == [name]
