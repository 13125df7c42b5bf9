"""The command line, as a person at a terminal uses it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from bqat_pipeline.sample import sample_files, write_sample
from tests.processes import BIN, deployment_environment
from tests.runtime_only import runtime_packages_only

Bqat = Any

# Libraries that take a tenth of a second to import, or seconds.
_SLOW = frozenset(
    "bqat_pipeline.report cv2 dagster duckdb numpy pandas pyarrow pyarrow.compute pyarrow.dataset pydantic scipy".split()  # noqa: SIM905
)
_TABLES = frozenset({"numpy", "pyarrow", "pyarrow.compute", "pyarrow.dataset", "pydantic"})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def bqat(home: Path, warm: Path) -> Bqat:
    """Run ``bqat`` with its results below the module's folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm / "bqat", *arguments],
            cwd=home,
            env=deployment_environment(home),
            capture_output=True,
            text=True,
            timeout=200,
        )

    return run


@pytest.fixture(scope="module")
def scanned(home: Path) -> dict[str, Any]:
    """Summary of the first scan of the sample data set, by the console script itself and with what users install."""
    command = [BIN / "bqat", "scan", "--sample", "--json"]
    environment = deployment_environment(home, PYTHONPATH=runtime_packages_only(home / "site"))
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def elsewhere(bqat: Bqat, home: Path) -> subprocess.CompletedProcess[str]:
    """The scan of another folder, without one of the sample's files, of which every face should pass."""
    write_sample(home / "elsewhere")
    (home / "elsewhere" / "changed" / "hopper_dark.jpg").unlink()
    return bqat("scan", str(home / "elsewhere"), "--json", "--fail-under", "100")


def test_a_scan_ends_with_one_row_for_each_file_and_a_report(scanned: dict[str, Any]) -> None:
    files = dict(sample_files())
    rows = ds.dataset(scanned["profiles"]).to_table(columns=["file", "status", "reason"]).to_pylist()
    assert {row["file"] for row in rows} == {f"data/sample/{name}" for name in files}
    assert scanned["files"] == len(files) == 24
    for row in rows:
        assert (row["status"] == "ok") == (row["reason"] is None), row
    assert "<html" in Path(scanned["report"]).read_text()


def test_broken_files_are_rows_with_their_reason(scanned: dict[str, Any]) -> None:
    rows = ds.dataset(scanned["profiles"]).to_table(columns=["file", "status", "reason_code"]).to_pylist()
    status = {Path(row["file"]).name: row["status"] for row in rows}
    assert status["empty.jpg"] == status["not_an_image.jpg"] == status["truncated_in_header.jpg"] == "unreadable"
    assert status["huge_header.png"] == "too_large"
    assert status["no_face.jpg"] == status["flat_grey.png"] == "no_face"
    assert status["two_faces.jpg"] == "multiple_faces"
    assert status["hopper.jpg"] == status["truncated.jpg"] == "ok"


def test_a_second_scan_computes_nothing_again_and_its_standard_output_holds_only_the_answer(
    bqat: Bqat, scanned: dict[str, Any]
) -> None:
    done = bqat("scan", "--sample", "--json")
    again = json.loads(done.stdout)  # standard output holds only the answer
    assert "XNNPACK" not in done.stderr
    assert os.linesep.join(done.stderr.splitlines()).count("Traceback") == 0
    assert done.returncode == 0
    assert again["dataset"] == scanned["dataset"]
    assert again["changes"] == {"new": 0, "changed": 0, "unchanged": 24, "moved": 0, "vanished": 0, "unreadable": 0}
    assert again["status"] == scanned["status"] and again["profiles"] == scanned["profiles"]


def test_a_forced_scan_measures_again_an_emptied_folder_is_asked_after_and_passed_over_files_are_told(
    bqat: Bqat, home: Path
) -> None:
    folder = home / "mounted"
    write_sample(home / "mounted.source")
    (home / "mounted.source" / "originals").rename(folder)
    held = len(list(folder.iterdir()))
    first, forced = (json.loads(bqat("scan", str(folder), "--json", *more).stdout) for more in ([], ["--force"]))
    assert first["profiles"] != forced["profiles"] and forced["changes"]["unchanged"] == held
    away = folder.with_name("away")
    folder.rename(away)
    folder.mkdir()
    refused = bqat("scan", str(folder))
    assert refused.returncode == 2
    assert f"is empty, and held {held} files before; is it mounted?" in " ".join(refused.stderr.split())
    portrait = (away / "hopper.jpg").read_bytes()
    (folder / "hopper.jpg_large").write_bytes(portrait)
    emptied = bqat("scan", str(folder), "--allow-empty", "--json")
    assert emptied.returncode == 0, emptied.stderr
    assert json.loads(emptied.stdout)["changes"]["vanished"] == held
    assert "begins like a picture: mounted/hopper.jpg_large" in " ".join(emptied.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "not_needed"),
    [
        ("--version", _SLOW),
        ("--help", _SLOW),
        ("scan --help", _SLOW - {"pydantic"}),  # typer itself imports it for a command
        ("up --no-such-option", _SLOW - {"pydantic"}),
        ("list", _SLOW - {"pydantic", "numpy", "pyarrow"}),
        ("show sample", _SLOW - _TABLES),
        ("outliers sample", _SLOW - _TABLES),
        ("duplicates sample", _SLOW - _TABLES),
        ("delete nothing --yes", _SLOW - {"pydantic", "numpy", "pyarrow"}),
    ],
)
@pytest.mark.usefixtures("scanned")
def test_a_command_imports_no_library_that_it_does_not_need(
    home: Path, arguments: str, not_needed: frozenset[str]
) -> None:
    # Not by -X importtime, which lists what was looked for and not found too.
    code = "import sys, bqat_pipeline.cli as c\ntry: c.main()\nfinally: print('', *sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()],
        cwd=home,
        env=deployment_environment(home),
        capture_output=True,
        text=True,
    )
    loaded = set(done.stderr.splitlines())
    assert "bqat_pipeline.cli.app" in loaded and not loaded & not_needed


def test_help_names_both_data_sets_and_brackets_what_may_be_left_out_once(bqat: Bqat) -> None:
    for command, arguments in (("compare", "{DATASET} {OTHER}"), ("identities", "{DATASET} [OTHER]")):
        assert f"bqat {command} [OPTIONS] {arguments} " in bqat(command, "--help").stdout


def test_results_can_be_listed_and_shown(bqat: Bqat, scanned: dict[str, Any]) -> None:
    listed = json.loads(bqat("list", "--json").stdout)
    assert scanned["dataset"] in [item["dataset"] for item in listed]
    shown = json.loads(bqat("show", scanned["dataset"], "--rows", "3", "--json").stdout)
    assert len(shown["profiles"]) == 3
    assert shown["status"] == scanned["status"]
    assert bqat("outliers", scanned["dataset"]).returncode == 0


def test_the_report_can_be_made_again(bqat: Bqat, scanned: dict[str, Any]) -> None:
    Path(scanned["report"]).unlink()
    done = bqat("report", scanned["dataset"])
    assert done.returncode == 0, done.stderr
    assert Path(scanned["report"]).is_file()


def test_a_scan_takes_a_metadata_table(bqat: Bqat, home: Path, scanned: dict[str, Any]) -> None:
    table, strangers, open_quote = home / "cameras.csv", home / "strangers.csv", home / "quote.csv"
    table.write_text("hopper.jpg,kiosk\ncollins.png,phone\n")
    strangers.write_text("file,camera\nnobody.jpg,kiosk\n")
    open_quote.write_text('file,camera\nhopper.jpg,"kiosk\ncollins.png,phone\n')
    refused = bqat("scan", "--sample", "--metadata", str(open_quote))
    assert refused.returncode == 2 and "line 2 of the metadata table quote.csv" in refused.stderr
    done = bqat("scan", "--sample", "--metadata", str(table), "--json")
    assert done.returncode == 0, done.stderr
    assert "2 of 24 pictures are in cameras.csv (without a header: its columns are numbered)" in done.stderr
    report = json.loads((Path(scanned["report"]).parent / "report.json").read_text())
    assert any(note.startswith("Metadata: 2 of 24") for note in report["notes"])
    foreign = bqat("scan", "--sample", "--metadata", str(strangers))
    assert foreign.returncode == 2 and "0 of 24 pictures are in strangers.csv" in foreign.stderr
    record = json.loads((home / "storage" / "datasets" / scanned["dataset"] / "dataset.json").read_text())
    assert record["metadata_csv"] == str(table)


def test_a_pass_rate_below_the_limit_is_exit_status_1(elsewhere: subprocess.CompletedProcess[str]) -> None:
    assert elsewhere.returncode == 1


def test_data_sets_can_be_compared(
    bqat: Bqat, scanned: dict[str, Any], elsewhere: subprocess.CompletedProcess[str], home: Path
) -> None:
    second = json.loads(elsewhere.stdout)
    assert second["files"] == 23
    assert bqat("compare", scanned["dataset"], second["dataset"]).returncode == 0
    rows = ds.dataset(second["profiles"]).to_table(columns=["file"]).to_pylist()
    assert all(row["file"].startswith("elsewhere/") for row in rows)
    assert bqat("delete", second["dataset"], "--yes").returncode == 0
    assert bqat("show", second["dataset"]).returncode == 2
    assert (home / "elsewhere" / "originals" / "hopper.jpg").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan", "missing"], "is not a folder"),
        (["scan", "empty"], "there are no pictures"),
        (["scan", "odd"], "there are no pictures in odd: 1 other file was passed over"),
        (["scan", "--sample", "--engine", "magic"], "there is no engine"),
        (["scan", "--sample", "--pattern", "("], "is not a regular expression"),
        (["scan", "--sample", "--requirements", "nobody-knows"], "nobody-knows"),
        (["scan"], "give a folder"),
        (["show", "nobody-knows"], "there is no data set"),
        (["inspect", "missing.jpg"], "there is no file missing.jpg"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_status_2(
    bqat: Bqat, home: Path, arguments: list[str], words: str
) -> None:
    (home / "empty").mkdir(exist_ok=True)
    (home / "odd").mkdir(exist_ok=True)
    (home / "odd" / "photo.jpg.part").write_bytes(b"\xff\xd8\xff\xe0")
    before = sorted((home / "storage").rglob("dataset.json"))
    done = bqat(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert words in done.stderr and "Traceback" not in done.stderr
    assert sorted((home / "storage").rglob("dataset.json")) == before


def test_why_a_set_falls_short_is_said_and_other_rule_sets_judge_the_same_rows(
    bqat: Bqat, scanned: dict[str, Any]
) -> None:
    assert "cost most" in scanned["advice"][0]
    assert f"why        {scanned['advice'][0]}" in bqat("show", scanned["dataset"]).stdout
    found = json.loads(bqat("show", scanned["dataset"], "--rules", "all", "--json").stdout)
    rates = {entry["name"]: entry["pass"] for entry in found["rule_sets"]}
    assert set(rates) >= {"icao-tr-portrait", "enrolment-relaxed"}
    assert rates["enrolment-relaxed"] > rates["icao-tr-portrait"] == scanned["verdict"].get("pass", 0)
    wrong = bqat("show", scanned["dataset"], "--rules", "none-such")
    assert wrong.returncode == 2 and "none-such" in wrong.stderr


def test_fitness_for_recognition_is_said_beside_the_verdict(bqat: Bqat, scanned: dict[str, Any]) -> None:
    second = scanned["recognition"]
    assert second["pass"] > scanned["verdict"].get("pass", 0) and second["fail"] >= 1
    shown = bqat("show", scanned["dataset"]).stdout
    assert f"fit for    recognition: {second['pass']} pass" in shown
    found = json.loads(bqat("show", scanned["dataset"], "--rules", "recognition", "--json").stdout)
    assert found["rule_sets"][0]["name"] == "recognition"
    assert {name: found["rule_sets"][0][name] for name in second} == second


def test_crops_of_a_data_set_meet_the_limits_and_what_cannot_is_listed(
    bqat: Bqat, home: Path, scanned: dict[str, Any]
) -> None:
    done = bqat("crop", scanned["dataset"], "cropped", "--rules", "icao-tr-portrait", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert sum(summary["outcomes"].values()) == scanned["files"] and sum(summary["verdicts"].values()) >= 1
    assert (home / "cropped" / "crops.csv").read_text("utf-8-sig").count("\n") == scanned["files"] + 1
    again = bqat("crop", scanned["dataset"], "cropped", "--rules", "icao-tr-portrait")
    copies = sum(summary["verdicts"].values())
    assert f"copies     {copies}, {copies} of them were there already" in again.stdout


@pytest.mark.parametrize(
    ("out", "rules", "words"),
    [
        ("data/sample/x", "icao-tr-portrait", "originals"),
        ("x", "none-such", "rule set"),
        (__file__, "", "not a folder"),
    ],
)
def test_crops_that_cannot_be_made_are_one_sentence(
    bqat: Bqat, scanned: dict[str, Any], out: str, rules: str, words: str
) -> None:
    done = bqat("crop", scanned["dataset"], out, "--rules", rules)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["others", "--forget"], "--forget is about one data set; leave out others"),
        (["others", "--by", "folder"], "--by is about one data set; leave out others"),
        (["--forget", "--by", "folder"], "--forget deletes templates and answers nothing; leave out --by"),
        (["--by", "folder", "--one-name", "--calibrate"], "ask for one of them"),
        (["--calibrate"], "say who pictures are said to show"),
    ],
)
def test_options_of_identities_that_do_not_go_together_are_refused_before_anything_is_read(
    bqat: Bqat, given: list[str], said: str
) -> None:
    done = bqat("identities", "nobody", *given)
    assert done.returncode == 2 and said in done.stderr


def test_a_dagster_home_that_is_not_there_is_one_sentence(home: Path, warm: Path) -> None:
    environment = deployment_environment(home) | {"DAGSTER_HOME": str(home / "nowhere")}
    for arguments, code in ((["scan", "--sample"], 2), (["up"], 2), (["doctor"], 1)):
        done = subprocess.run(
            [warm / "bqat", *arguments], cwd=home, env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert "is not a folder" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_one_picture_can_be_inspected_with_an_overlay(bqat: Bqat, home: Path) -> None:
    write_sample(home / "pictures")
    picture = home / "pictures" / "originals" / "collins.png"
    overlay = home / "overlay.png"
    done = bqat("inspect", str(picture), "--overlay", str(overlay), "--json")
    row = json.loads(done.stdout)
    assert row["status"] == "ok" and row["verdict"] in ("pass", "borderline", "fail")
    assert done.returncode == (1 if row["verdict"] == "fail" else 0)
    assert overlay.read_bytes()[:4] == b"\x89PNG"
    assert bqat("inspect", str(home / "pictures" / "broken" / "empty.jpg")).returncode == 1


def test_doctor_finds_nothing_wrong(bqat: Bqat) -> None:
    done = bqat("doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 0, findings
    assert {"versions", "models", "storage", "instance"} <= {f["subject"] for f in findings}
    (instance,) = (f["text"] for f in findings if f["subject"] == "instance")
    assert instance.startswith("database sqlite, ")
