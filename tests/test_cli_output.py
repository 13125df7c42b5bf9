"""Every command on a data set where it has something to say: flagged, failing, broken and doubled pictures, odd names."""

import json
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.datasets.records import PassedOver
from bqat_pipeline.duplicates import write_duplicates
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from tests.processes import BIN, deployment_environment
from tests.report import synthetic

# Markup of rich, an escape sequence that clears the screen, a line feed, a mark that reverses text.
ODD = ["[bold]", "[/]", ":smile:", "\x1b[2J", "\n", "\u202e"]


@pytest.fixture(scope="module")
def home(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    (folder / "bqat").symlink_to(warm / "bqat")
    return folder


@pytest.fixture(scope="module")
def made_up(home: Path) -> DatasetRecord:
    """400 profiles: some flagged, most failing, some broken, two copies; names that a terminal takes for commands."""
    store = DatasetStore(Location.parse(home / "storage"))
    table = synthetic.profiles(400)
    files = table["file"].to_pylist()
    for row, odd in enumerate(ODD):
        files[row] = f"data/faces/{odd}{row}.jpg"
    yaw = table["iso_head_pose_yaw"].to_pylist()
    yaw[7] = 85.0
    hashes = table["sha256"].to_pylist()
    hashes[9] = hashes[8]
    for name, values in (("file", files), ("iso_head_pose_yaw", yaw), ("sha256", hashes)):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    record = synthetic.dataset(store, [table], name="[red]faces")
    profiles, place = store.profiles(record.key), store.current(record.key)
    assert profiles is not None and place is not None
    assert write_outliers(profiles, place)["outliers"] > 0
    write_duplicates(profiles, place)
    return record


def _bqat(home: Path, *arguments: str | bytes, **changes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [home / "bqat", *arguments],
        cwd=home,
        env=deployment_environment(home) | changes,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=250,
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a command that did its work printed: no traceback, nothing that the terminal would obey."""
    assert done.returncode == 0, done.stderr.decode()
    both = done.stdout + done.stderr
    assert b"Traceback" not in both and b"\x1b" not in both and "\u202e".encode() not in both
    return done.stdout.decode()


def test_flagged_pictures_are_listed_with_reasons(home: Path, made_up: DatasetRecord) -> None:
    text = _said(_bqat(home, "outliers", made_up.key, "--limit", "400"))
    assert "extreme (" in text or "unusual (" in text
    reasons = [line for line in text.splitlines() if line.startswith("    ")]
    assert reasons and all(line.strip() for line in reasons)


def test_copies_are_listed_with_the_one_to_keep_and_why(home: Path, made_up: DatasetRecord) -> None:
    table = DatasetStore(Location.parse(home / "storage")).found(made_up.key, "duplicates")
    assert table is not None
    members = table.to_table().to_pylist()
    (keeper,) = (m for m in members if m["keeper"])
    (other,) = (m for m in members if not m["keeper"])
    lines = _said(_bqat(home, "duplicates", made_up.key)).splitlines()
    assert lines == [f"{keeper['file']}  {keeper['why']}", f"    {other['file']}  the same bytes. {other['why']}"]
    (group,) = json.loads(_said(_bqat(home, "duplicates", made_up.key, "--json")))
    assert (group["keep"]["file"], group["keep"]["why"]) == (keeper["file"], keeper["why"])
    assert [copy["file"] for copy in group["copies"]] == [other["file"]]
    shown = _said(_bqat(home, "show", made_up.key))
    assert "copies     1 spare in 1 group" in shown and f"keep       {keeper['file']} of 2. {keeper['why']}" in shown
    facts = json.loads(_said(_bqat(home, "show", made_up.key, "--json")))
    assert facts["copies"]["could_be_dropped"] == 1


def test_show_says_in_words_what_is_wrong_with_each_picture(home: Path, made_up: DatasetRecord) -> None:
    text = _said(_bqat(home, "show", made_up.key, "--rows", "200"))
    assert "{" not in text and "not_assessed" not in text
    for shown in (r"[bold]0.jpg", "[/]1.jpg", ":smile:2.jpg", r"\x1b[2J3.jpg", r"\x0a4.jpg", r"\u202e5.jpg"):
        assert shown in text
    assert "Turn the head 6 degrees" in text and "the file is empty" in text
    assert "multiple faces" in text and "measured (icao-tr-portrait)" in text


def test_numbers_beside_a_sentence_are_those_of_the_sentence(home: Path) -> None:
    store = DatasetStore(Location.parse(home / "storage"))
    table = synthetic.profiles(1, unmeasured=0)
    row = {
        "ipd": 42,
        "iso_inter_eye_distance": 41.4,
        "iso_head_pose_yaw": 20.06,
        "iso_head_pose_pitch": -31.25,
        "iso_head_pose_roll": 1.5,
    }
    for name, value in row.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(name), pa.array([value], table.schema.field(name).type))
    verdict = evaluate_row(load_rule_set("icao-tr-portrait"), table.to_pylist()[0])
    record = synthetic.dataset(store, [table], name="one row")
    shown = _said(_bqat(home, "show", record.key)).splitlines()[-1].split()
    numbers = ["41", "20.1", "-31.2", "1.5"]
    assert [cell for cell in shown if cell in numbers][:4] == numbers
    told = " ".join(verdict.reasons)
    assert "distance 41 px" in told and "yaw 20.1 ± 2.5 deg" in told and "pitch -31.2 ± 3.7 deg" in told


def test_what_a_scan_could_not_read_or_passed_over_is_said_by_show_and_list(home: Path) -> None:
    store = DatasetStore(Location.parse(home / "storage"))
    record = synthetic.dataset(store, [synthetic.profiles(3)], name="partly read")
    manifest = store.manifest(record.key)
    assert manifest is not None
    seen = PassedOver(unreadable_folders=1, unreadable_folder_names=["data/\x1b[2J"], folders_of_copies=2)
    store.publish(record.key, manifest.model_copy(update={"passed_over": seen}))
    shown, listed = _bqat(home, "show", record.key), _bqat(home, "list")
    assert "2 folders of copies made by preprocessing left out" in _said(shown)
    _said(listed)
    for done in (shown, listed):
        assert r"1 folder could not be read: data/\x1b[2J" in done.stderr.decode()
    facts = json.loads(_said(_bqat(home, "show", record.key, "--json")))
    assert facts["warnings"] == seen.warnings() and facts["notes"] == seen.notes()


def _on_a_terminal(home: Path, columns: int, *arguments: str) -> list[str]:
    """The lines that a command prints on a terminal of a width."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [str(BIN / "bqat"), *arguments],
        cwd=home,
        env=deployment_environment(home) | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"},
        stdout=theirs,
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            block = os.read(ours, 65_536)
        except OSError:  # the command has ended
            break
        output += block
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return output.decode().splitlines()


def test_a_narrow_terminal_shortens_names_in_their_middle(home: Path, made_up: DatasetRecord) -> None:
    lines = _on_a_terminal(home, 80, "show", made_up.key, "--rows", "40")
    assert any("data/fa" in line and "…" in line and ".jpg" in line for line in lines)


@pytest.mark.parametrize(("columns", "left_out"), [(80, []), (60, ["scanned"]), (44, ["verdicts", "scanned"])])
def test_no_number_of_the_list_is_cut_on_a_narrow_terminal(
    home: Path, made_up: DatasetRecord, columns: int, left_out: list[str]
) -> None:
    head, *lines = _on_a_terminal(home, columns, "list")
    assert [word for word in ("files", "measured", "pass", "verdicts", "scanned") if word not in head] == left_out
    (line,) = [line for line in lines if made_up.key[-8:] in line]
    assert " 400 " in line and "%" in line and "…" not in line.split("%")[0].split(made_up.key[-8:])[1]
    assert len(line) <= columns


def test_the_list_has_a_bar_of_verdicts(home: Path, made_up: DatasetRecord) -> None:
    text = _said(_bqat(home, "list"))
    (line,) = [line for line in text.splitlines() if made_up.key in line]
    assert "░" in line and "%" in line


def test_a_report_with_metadata_says_how_many_pictures_it_names(home: Path, made_up: DatasetRecord) -> None:
    table = home / "cameras.csv"
    lines = "".join(f"{row:07d}.jpg;{'kiosk' if row % 2 else 'phone'}\r\n" for row in range(10, 402))
    table.write_bytes(f"file;camera\r\n{lines}".encode("utf-16"))
    done = _bqat(home, "report", made_up.key, "--metadata", str(table))
    _said(done)
    assert (
        b"390 of 400 pictures are in cameras.csv (UTF-16, semicolon-separated), 2 lines matched nothing" in done.stderr
    )
    report = json.loads((home / "storage" / "datasets" / made_up.key / "report" / "report.json").read_text())
    assert "camera" in [group["column"] for group in report["groups"]]


def test_a_table_that_cannot_be_used_is_not_stored(home: Path, made_up: DatasetRecord) -> None:
    store = DatasetStore(Location.parse(home / "storage"))
    before = store.record(made_up.key).metadata_csv
    strangers, binary = home / "strangers.csv", home / "binary.csv"
    strangers.write_text("file,camera\nnobody.jpg,kiosk\n")
    binary.write_bytes(b"\x89PNG\0\0\0")
    for table, words in (
        (strangers, b"0 of 400 pictures"),
        (binary, b"not a text file"),
        (home / "gone.csv", b"no file"),
    ):
        done = _bqat(home, "report", made_up.key, "--metadata", str(table))
        assert done.returncode == 2 and words in done.stderr and b"Traceback" not in done.stderr, done.stderr
    assert _bqat(home, "report", made_up.key, "--baseline", "previous", "--names", "nonsense").returncode == 2
    assert store.record(made_up.key).metadata_csv == before


def test_a_data_set_can_be_compared_with_itself(home: Path, made_up: DatasetRecord) -> None:
    assert "pass rate" in _said(_bqat(home, "compare", made_up.key, made_up.key))


def test_names_are_json_whatever_they_hold(home: Path, made_up: DatasetRecord) -> None:
    for arguments in (
        ("list",),
        ("show", made_up.key),
        ("outliers", made_up.key),
        ("duplicates", made_up.key),
        ("compare", made_up.key, made_up.key),
    ):
        json.loads(_said(_bqat(home, *arguments, "--json")))


def test_every_command_has_an_example_in_its_help(home: Path) -> None:
    from bqat_pipeline.cli.app import app

    for command in app.registered_commands:
        assert command.epilog and command.epilog.startswith("Example: bqat "), command
    assert b"Example: bqat show" in _bqat(home, "show", "--help").stdout


def test_version_module_and_completion(home: Path, made_up: DatasetRecord) -> None:
    version = _said(_bqat(home, "--version"))
    assert version.startswith("bqat-pipeline ")
    module = subprocess.run(
        [str(BIN / "python"), "-m", "bqat_pipeline", "--version"], cwd=home, capture_output=True, text=True, timeout=250
    )
    assert module.stdout == version
    keys = _bqat(home, _BQAT_COMPLETE="complete_bash", COMP_WORDS=f"bqat show {made_up.key[:4]}", COMP_CWORD="2").stdout
    assert made_up.key in keys.decode()


@pytest.mark.parametrize(
    ("arguments", "changes", "words"),
    [
        (["scan", "pictures", "--pattern", "^(?!white)"], {}, "cannot look ahead"),
        (["scan", b"pictures/not \xff utf-8"], {}, r"\xff utf-8 is not UTF-8"),
        (["scan", "pictures/[/x]"], {}, "there are no pictures"),
        (["scan", "pictures", "--engine", "ofiq"], {"BQAT_OFIQ_APP": "/nowhere"}, "not installed here"),
        (["scan", "pictures"], {"BQAT_STATE": "/proc/state"}, "/proc/state"),
        (["list"], {"BQAT_PORT": "many"}, "BQAT_PORT"),
        (["up", "--api-port", "99999"], {}, "--api-port"),
        (["up", "--dagster-port", "-1"], {}, "--dagster-port"),
        (["delete", "red-faces"], {}, "nothing was deleted"),
        (["show", "[/x]"], {}, "there is no data set '[/x]'"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_one_sentence_and_leaves_nothing(
    home: Path, made_up: DatasetRecord, arguments: list[str | bytes], changes: dict[str, str], words: str
) -> None:
    (home / "pictures" / "[" / "x]").mkdir(parents=True, exist_ok=True)
    Path(os.fsdecode(bytes(home) + b"/pictures/not \xff utf-8")).mkdir(exist_ok=True)
    (home / "pictures" / "a.jpg").touch()
    before = sorted((home / "storage").rglob("dataset.json"))
    done = _bqat(home, *arguments, **changes)
    assert done.returncode == 2
    assert words in done.stderr.decode() and b"Traceback" not in done.stderr
    assert sorted((home / "storage").rglob("dataset.json")) == before


def test_an_unexpected_error_keeps_its_traceback_in_the_log(home: Path, made_up: DatasetRecord) -> None:
    other = home / "damaged"
    other.mkdir()
    (other / "bqat").symlink_to(home / "bqat")
    store = DatasetStore(Location.parse(other / "storage"))
    record = synthetic.dataset(store, [synthetic.profiles(30)], name="damaged")
    place = (store.generation(record.key, "g1").profiles / "profiles.parquet").local
    pq.write_table(pq.read_table(place).drop_columns(["file"]), place)  # no version of this software wrote that
    done = _bqat(other, "show", record.key)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr and done.stderr.startswith(b"error: ")
    assert "Traceback" in (other / "state" / "logs" / "bqat.log").read_text()
    assert b"Traceback" in _bqat(other, "-v", "show", record.key).stderr
