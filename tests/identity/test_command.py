"""`BQAT_IDENTITY=true bqat scan`, then `bqat identities`, with the real model."""

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np

from bqat_pipeline.sample import portraits
from tests.processes import deployment_environment


def test_a_scan_pairs_the_pictures_of_one_person(model: Path, tmp_path: Path, warm: Path) -> None:
    collins, hopper = portraits()
    folder = tmp_path / "data" / "persons"
    for name, image in {
        "a/collins.png": collins,
        "a/smaller.jpg": collins[::2, ::2],
        "b/mirrored.jpg": collins[:, ::-1],
        "b/hopper.jpg": hopper,
        "c/empty.jpg": np.zeros((300, 300, 3), np.uint8),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), image)
    environment = deployment_environment(tmp_path, BQAT_IDENTITY="true", BQAT_IDENTITY_MODEL=model)

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [warm / "bqat", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250
        )
        assert done.returncode == code, done.stderr
        return done

    summary = json.loads(run("scan", "data/persons", "--json").stdout)
    counted = {"compared": 4, "pairs": 3, "pictures": 3, "groups": 1, "note": None, "problem": None}
    assert summary["identities"] == {"dataset": summary["dataset"]} | counted
    assert (
        "persons    3 pairs among 4 compared pictures may show one person; `bqat identities "
        in run("show", "persons").stdout
    )
    pairs = json.loads(run("identities", "persons", "--json").stdout)
    assert {(pair["a"], pair["b"]) for pair in pairs} == {
        ("data/persons/a/collins.png", "data/persons/a/smaller.jpg"),
        ("data/persons/a/collins.png", "data/persons/b/mirrored.jpg"),
        ("data/persons/a/smaller.jpg", "data/persons/b/mirrored.jpg"),
    }
    assert all(set(pair) == {"a", "b", "distance"} for pair in pairs)
    assert [pair["distance"] for pair in pairs] == sorted(pair["distance"] for pair in pairs)
    assert "collins.png" in run("identities", "persons").stdout
    two_names = json.loads(run("identities", "persons", "--by", "folder", "--json").stdout)
    assert {pair["name_b"] for pair in two_names} == {"b"} and len(two_names) == 2
    wider = json.loads(run("identities", "persons", "--threshold", "0.9", "--json").stdout)
    assert len(wider) == 6
    one_name = json.loads(run("identities", "persons", "--by", "folder", "--one-name", "--json").stdout)
    assert [(pair["a"], pair["b"]) for pair in one_name] == [
        ("data/persons/b/hopper.jpg", "data/persons/b/mirrored.jpg")
    ]
    assert "are one data set" in run("identities", "persons", "persons", "--json", code=2).stderr
    # Options of which one would be passed over are refused, and nothing is deleted.
    for options in (
        ("others", "--forget"),
        ("others", "--by", "folder"),
        ("--forget", "--by", "folder"),
        ("--one-name", "--calibrate", "--by", "folder"),
        ("--by", "folder:0"),
        ("--by", "folder:²"),
    ):
        assert run("identities", "persons", *options, code=2).stderr.startswith("error: ")
    # Nothing but the templates' own file holds them.
    places = [path for path in (tmp_path / "storage").rglob("*") if "identit" in path.name or "template" in path.name]
    assert sorted(path.name for path in places) == [
        "identities",
        "identities.json",
        "identities.parquet",
        "templates.parquet",
    ]
    report = Path(summary["report"]).read_text()
    assert "templates" not in report
    run("identities", "persons", "--forget")
    assert not list((tmp_path / "storage").rglob("templates.parquet"))
    assert len(json.loads(run("identities", "persons", "--json").stdout)) == 3
