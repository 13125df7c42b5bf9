"""Figures and rows of the benchmarks beside the stored ones. Nothing here is timed."""

import sys
from pathlib import Path

import pytest

from benchmarks import figures, peers, rows
from benchmarks.figures import Figure
from benchmarks.machine import Machine
from benchmarks.public_set import recipes
from bqat_pipeline.columns import PERSONAL
from bqat_pipeline.face.engine import ENGINE_VERSION


def test_the_kind_of_a_machine_is_its_widest_vectors_and_its_cores() -> None:
    flags = {"avx", "avx2", "fma"}
    assert Machine("a", "x86", frozenset(flags), 2).kind == "x86-avx2-2cores"
    assert Machine("a", "x86", frozenset(flags | {"avx512f"}), 16).kind == "x86-avx512-16cores"
    assert Machine("a", "x86", frozenset(flags | {"avx512f", "amx_tile"}), 1).kind == "x86-amx-1core"
    assert Machine("a", "arm", frozenset({"asimd"}), 8).kind == "arm-neon-8cores"
    assert Machine("a", "riscv64", frozenset(), 4).kind == "riscv64-plain-4cores"


@pytest.mark.parametrize(
    ("nature", "now", "higher", "outcome"),
    [
        ("ratio", 1.05, False, "same"),
        ("ratio", 1.2, False, "slower"),  # within the noise of an absolute time, not of a ratio
        ("ratio", 0.8, False, "faster"),
        ("cpu", 1.2, False, "same"),
        ("cpu", 1.5, False, "slower"),
        ("wall", 1.5, False, "same"),
        ("wall", 0.5, True, "slower"),  # throughput
        ("wall", 2.0, True, "faster"),
        ("memory", 1.3, False, "more"),
        ("memory", 0.5, False, "less"),
    ],
)
def test_what_moved_by_more_than_the_noise_is_marked(nature: str, now: float, higher: bool, outcome: str) -> None:
    compared = figures.compare([Figure("a", now, "", nature, higher)], [Figure("a", 1.0, "", nature, higher)])  # type: ignore[arg-type]
    assert [(c.outcome, c.ratio) for c in compared] == [(outcome, now)]
    assert ("SLOWER" in figures.table(compared)) == (outcome == "slower")


def test_stored_figures_are_read_as_written_and_other_ones_stay(tmp_path: Path) -> None:
    assert figures.load("x86-avx2-2cores", tmp_path) is None
    old = [Figure("one", 1.0, "x", "ratio"), Figure("two", 2.0, "ms", "cpu")]
    figures.store("x86-avx2-2cores", old, {"machine": "old"}, tmp_path)
    path = figures.store("x86-avx2-2cores", [Figure("two", 3.00004, "ms", "cpu")], {"machine": "new"}, tmp_path)
    stored = figures.load("x86-avx2-2cores", tmp_path)
    assert stored is not None
    assert stored.figures == [old[0], Figure("two", 3.0, "ms", "cpu")]
    assert stored.origin == {"machine": "new"}
    assert sum('"name": ' in line for line in path.read_text().splitlines()) == 2  # a line each, for a readable diff


def test_figures_of_only_one_side_are_named() -> None:
    compared = figures.compare([Figure("new", 1.0, "ms", "cpu")], [Figure("gone", 1.0, "ms", "cpu")])
    assert [(c.name, c.outcome, c.ratio) for c in compared] == [("new", "new", None), ("gone", "not measured", None)]


def _rows(*, file: str = "a.jpg", **values: object) -> rows.Rows:
    row = {"status": "ok", "sha256": "1", "yaw_degree": 3.0, "ipd": 90, "iso_luminance_mean": 0.5, "phash256": "0" * 64}
    return rows.Rows({file: {**row, **values}, "b.jpg": dict(row)}, {"engine": 7})


@pytest.mark.parametrize(
    ("values", "strict", "elsewhere"),
    [
        ({}, False, False),
        ({"yaw_degree": 3.000003}, False, False),  # the last of 6 digits
        ({"yaw_degree": 3.001}, True, False),
        ({"yaw_degree": 4.7}, True, True),
        ({"yaw_degree": None}, True, True),
        ({"ipd": 91}, True, False),
        ({"ipd": 93}, True, True),
        ({"iso_luminance_mean": 0.55}, True, False),
        ({"iso_luminance_mean": 0.6}, True, True),
        ({"phash256": "0" * 62 + "03"}, True, False),
        ({"phash256": "0" * 60 + "ffff"}, True, True),
        ({"status": "no_face"}, True, True),
        ({"sha256": "2"}, False, False),  # another library wrote the file
    ],
)
def test_a_value_may_move_within_the_tolerance_of_its_column(
    values: dict[str, object], strict: bool, elsewhere: bool
) -> None:
    for same_place, failed in ((True, strict), (False, elsewhere)):
        found = rows.compare(_rows(**values), _rows(), same_place=same_place)
        assert found.failed == failed
        if failed:
            assert [(m.column, [file for file, *_ in m.beyond]) for m in found.moves] == [
                (next(iter(values)), ["a.jpg"])
            ]
            assert f"MOVED {next(iter(values))}: in 1 of 2 rows" in rows.report(found, 2)


def test_lost_rows_and_columns_fail_and_new_ones_are_named() -> None:
    found = rows.compare(_rows(file="c.jpg"), _rows(), same_place=False)
    assert (found.lost, found.new, found.failed) == (["a.jpg"], ["c.jpg"], True)
    assert rows.compare(_rows(aux_blur=1.0), _rows(), same_place=True).columns_new == ["aux_blur"]
    assert not rows.compare(_rows(aux_blur=1.0), _rows(), same_place=True).failed
    assert rows.compare(_rows(), _rows(aux_blur=1.0), same_place=True).failed


def test_stored_rows_are_read_as_written(tmp_path: Path) -> None:
    assert rows.load(tmp_path / "rows.jsonl") is None
    kept = rows.store(_rows(verdict_reasons=["one"]), tmp_path / "rows.jsonl")
    stored = rows.load(kept)
    assert stored is not None
    assert stored.origin == {"engine": 7}
    assert stored.rows["a.jpg"]["verdict_reasons"] == ["one"]
    assert not rows.compare(_rows(verdict_reasons=["one"]), stored, same_place=True).moves


def test_the_rows_in_the_repository_are_those_of_this_engine() -> None:
    stored = rows.load()
    assert stored is not None
    assert stored.origin["engine"] == ENGINE_VERSION, "python -m benchmarks.nightly --store"
    assert {name for name in stored.rows if not name.startswith("sample/")} == set(recipes())
    assert rows.STORED.stat().st_size < 300_000
    assert {row["status"] for row in stored.rows.values()} >= {
        "ok",
        "no_face",
        "multiple_faces",
        "unreadable",
        "too_large",
    }
    assert not PERSONAL & {name for row in stored.rows.values() for name in row}


_STAND_IN = """
__version__ = "stand-in"

def scan(file, mode, **params):
    print("noise on standard output")
    open("bqat_core/__init__.py").close()  # BQAT core reads its models by such paths
    assert (mode, params["engine"]) == ("face", "bqat")
    return {"file": file, "bbox_left": None if "no face" in file else 7}
"""


def test_peers_measures_both_sides_in_turns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a stand-in for BQAT core, which shows that the harness works and nothing about speed."""
    (tmp_path / "bqat_core").mkdir()
    (tmp_path / "bqat_core" / "__init__.py").write_text(_STAND_IN)
    assert peers.main(["--bqat", str(tmp_path), "--repeat", "1"]) == 0
    said = capsys.readouterr().out
    assert "BQAT core: BQAT core stand-in" in said
    rows_of = [line.split(" | ") for line in said.splitlines() if line.startswith("| 0.3") or line.startswith("| 1.5")]
    assert [line[0].strip("| ") for line in rows_of] == ["0.3 MP", "1.5 MP", "0.3 MP, no face"]
    assert [[side.split(", ")[2] for side in line[1:3]] for line in rows_of] == [
        ["100%", "100%"],
        ["100%", "100%"],
        ["0%", "0%"],
    ]


def test_peers_measures_pictures_of_your_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bqat_core").mkdir()
    (tmp_path / "bqat_core" / "__init__.py").write_text(_STAND_IN)
    own = tmp_path / "own"
    own.mkdir()
    command = ["--bqat", str(tmp_path), "--repeat", "1", "--pictures", str(own)]
    assert peers.main(command) == 2
    assert "holds no file" in capsys.readouterr().err
    for content in peers.pictures()["0.3 MP"]:
        (own / f"{len(content)}.jpg").write_bytes(content)
    assert peers.main(command) == 0
    assert "| 2 of own | " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "named", "sentence"),
    [
        (None, None, "Name BQAT core with --bqat PATH"),
        (None, "", "is no checkout of BQAT core"),
        (None, "missing", "is no checkout of BQAT core"),
        (None, sys.executable, "has no package bqat_core"),
        ("import no_such_library", "", "BQAT core cannot be started with"),
        ("raise SystemExit(1)", "", "BQAT core ended"),
        ("def scan(*a, **k): return {'error': ['no model']}", "", "BQAT core measured nothing: ['no model']"),
    ],
)
def test_peers_says_in_a_sentence_why_it_cannot(
    package: str | None, named: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if package is not None:
        (tmp_path / "bqat_core").mkdir()
        (tmp_path / "bqat_core" / "__init__.py").write_text(package)
    assert peers.main([] if named is None else ["--bqat", str(tmp_path / named)]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1


def test_peers_takes_no_number_of_repetitions_below_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        peers.main(["--bqat", sys.executable, "--repeat", "0"])
    assert ended.value.code == 2 and "--repeat takes a number from 1 on" in capsys.readouterr().err
