"""The job `export_review`: what people decided becomes a list, and lineage."""

import csv
from uuid import uuid4

import dagster as dg
import pyarrow.parquet as pq

from bqat_pipeline.definitions import defs
from bqat_pipeline.review.decision_log import DecisionLog
from bqat_pipeline.review.decisions import Action, Decision


def run(record, instance, job, selection=None):
    keys = [dg.AssetKey(name) for name in selection] if selection else None
    return defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=record.key, asset_selection=keys
    )


def shown(result, asset):
    (event,) = result.asset_materializations_for_node(asset)
    return {key: value.value for key, value in event.metadata.items()}


def decide(store, record, decision, name, **more):
    profiles = store.profiles(record.key).to_table(columns=["sha256", "file"])
    chosen = profiles.take([profiles["file"].to_pylist().index(f"data/set/{name}")])
    action = Action(str(uuid4()), decision, **more)
    assert DecisionLog(store.decisions(record.key)).append(action, chosen["sha256"], chosen["file"])


def test_list_holds_every_file_with_what_people_decided(record, instance, store, pictures):
    assert run(record, instance, "scan").success
    generation = store.current(record.key)
    assert generation.found("review") is None, "no scan makes it"
    assert '"review":null' in (store.report(record.key) / "report.json").local.read_text().replace(" ", "")

    decide(store, record, Decision.KEEP, "hopper.jpg", reviewer="Ada")
    decide(store, record, Decision.REJECT, "text.jpg", reason="=1+1", reviewer="Grace")
    told = shown(run(record, instance, "export_review"), "review")
    assert {name: told[name] for name in ("rows", "accept", "retake", "look_again", "undecided", "decided")} == {
        "rows": 3,
        "accept": 1,
        "retake": 1,
        "look_again": 0,
        "undecided": 1,
        "decided": 2,
    }
    assert told["decided_percent"] == 66.67 and told["decisions"].endswith(f"/v1/datasets/{record.key}/decisions")

    table = pq.read_table(generation.table("review").local).to_pylist()
    by_name = {row["file"].rsplit("/", 1)[-1]: row for row in table}
    assert {name: row["disposition"] for name, row in by_name.items()} == {
        "hopper.jpg": "accept",
        "plain.png": "undecided",
        "text.jpg": "retake",
    }
    assert by_name["hopper.jpg"]["verdict"] in ("pass", "borderline", "fail", "not_assessed")
    assert by_name["text.jpg"]["reason"] == "=1+1" and by_name["text.jpg"]["verdict_reason"]
    assert by_name["plain.png"]["reviewer"] is None and by_name["plain.png"]["time"] is None
    with generation.review_list.local.open(newline="", encoding="utf-8-sig") as stream:
        lines = {line["file"].rsplit("/", 1)[-1]: line for line in csv.DictReader(stream)}
    assert lines["text.jpg"]["reason"] == "'=1+1" and lines["text.jpg"]["disposition"] == "retake"
    assert lines["hopper.jpg"]["time"].endswith("Z") and lines["plain.png"]["time"] == ""

    # the report tells how far people were; a scan keeps what they decided, and what it was where a file changed
    (pictures / "text.jpg").write_text("another one that is no picture")
    (pictures / "hopper.jpg").rename(pictures / "grace.jpg")
    assert run(record, instance, "scan").success
    report = (store.report(record.key) / "index.html").local.read_text()
    assert "Reviewed by people" in report and "1 kept, 0 rejected" in report
    assert run(record, instance, "export_review").success
    table = pq.read_table(store.current(record.key).table("review").local).to_pylist()
    assert {row["file"].rsplit("/", 1)[-1]: (row["disposition"], row["before"]) for row in table} == {
        "grace.jpg": ("accept", None),
        "plain.png": ("undecided", None),
        "text.jpg": ("undecided", "reject"),
    }


def test_damaged_decisions_fail_the_list_and_not_the_report(record, instance, store):
    assert run(record, instance, "scan").success
    decide(store, record, Decision.KEEP, "hopper.jpg")
    folder = store.decisions(record.key)
    (part,) = folder.local.iterdir()
    part.write_bytes(part.read_bytes()[:-20])
    job = defs.resolve_job_def("export_review")
    failed = job.execute_in_process(instance=instance, partition_key=record.key, raise_on_error=False)
    assert not failed.success and store.found(record.key, "review") is None
    assert run(record, instance, "make_report").success
    assert "could not be counted" in (store.report(record.key) / "index.html").local.read_text()
