"""The worked examples of docs/extending.md are run, and its recipes followed to the end."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bqat_pipeline.engines import EngineSpec, Programs
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.sample import portraits
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
# A scan by the package in the current folder: engine, column to answer, home, pictures, data set of a scan before.
SCAN = """
import json, sys
from bqat_pipeline.datasets import DatasetStore, Location, ScanOptions, Source
from bqat_pipeline.execution import scan_dataset
from bqat_pipeline.settings import Settings
engine, column, home, pictures, key = sys.argv[1:]
store = DatasetStore(Location.parse(home))
options = ScanOptions(engine=engine)
key = key or store.create("set", [Source(uri=pictures, prefix="set")], options).key
manifest = scan_dataset(store, key, settings=Settings(workers=1, _env_file=None))
rows = store.profiles(key).to_table().to_pylist()
answer = {"key": key, "generation": manifest.generation, "counts": manifest.counts, "changes": manifest.changes.model_dump()}
print(json.dumps({**answer, "values": [row.get(column) for row in rows]}))
"""
# A folder audited to its report by the package in the current folder: engine, home, pictures.
AUDIT = """
import json, sys
from pathlib import Path
from bqat_pipeline import audit
from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.settings import Settings
engine, home, pictures = sys.argv[1:]
result = audit(pictures, options=ScanOptions(engine=engine), settings=Settings(home=home, workers=1, _env_file=None))
report = json.loads(Path(result.report).with_name("report.json").read_text())
print(json.dumps([measure["name"] for measure in report["measures"]]))
"""


def _blocks(title: str, language: str) -> list[str]:
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def _run(title: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    for block in _blocks(title, "python"):
        exec(compile(block, f"docs/extending.md: {title}", "exec"), names)
    return names


def _follow(title: str, root: Path) -> list[str]:
    """Write the new files of a recipe below a folder, make its changes there, and answer the paths of the files."""
    files = []
    for language, path, block in re.findall(
        r"```(python|diff)\n# (bqat_pipeline/\S+)\n(.*?)```",
        PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0],
        re.DOTALL,
    ):
        files.append(path)
        place = root / path
        if language == "python":
            assert not place.exists()
            place.write_text(block)
            continue
        text = place.read_text()
        for hunk in block.split("@@\n"):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] != "+")
            assert text.count(old) == 1, f"{path}: {old}"
            text = text.replace(old, "".join(line[1:] for line in lines if line[0] != "-"))
        place.write_text(text)
    return files


def _scan(root: Path, engine: str, column: str, tmp_path: Path, key: str = "") -> dict[str, Any]:
    return _answer(root, SCAN, engine, column, str(tmp_path / "home"), str(tmp_path / "set"), key)


def _answer(root: Path, code: str, *arguments: str) -> Any:
    """What a program answers, whose packages are those of a folder."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, to be extended."""
    shutil.copytree(ROOT / "bqat_pipeline", tmp_path / "copy" / "bqat_pipeline")
    return tmp_path / "copy"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with the two portraits of the sample."""
    folder = tmp_path / "set"
    folder.mkdir()
    for number, portrait in enumerate(portraits()):
        Image.fromarray(portrait).save(folder / f"{number}.png")
    return folder


def test_the_measure_of_the_guide_measures_a_portrait() -> None:
    context = FaceEngine().context(portraits()[1][:, :, ::-1])
    values = _run("A measure")["measure"](context)
    assert 0.3 < values["aux_below_chin"] < 0.6  # the chin of this portrait is a little above its middle


def test_a_measure_that_is_registered_is_measured_in_all_rows_by_the_next_scan(
    tmp_path: Path, copy: Path, pictures: Path
) -> None:
    before = _scan(ROOT, "bqat", "aux_below_chin", tmp_path)
    assert (before["counts"], before["values"]) == ({"ok": 2}, [None, None])
    shutil.copy(pictures / "0.png", pictures / "added.png")
    assert len(_follow("A measure", copy)) == 3
    after = _scan(copy, "bqat", "aux_below_chin", tmp_path, before["key"])
    assert after["counts"] == {"ok": 3}
    assert all(0 < value < 1 for value in after["values"])
    assert (after["changes"]["new"], after["changes"]["unchanged"]) == (1, 2)
    assert _scan(copy, "bqat", "aux_below_chin", tmp_path, before["key"]) == after


def test_the_requirement_profile_of_the_guide_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gate-camera.toml").write_text(_blocks("A rule set", "toml")[0])
    monkeypatch.chdir(tmp_path)
    assert _run("A rule set")["rules"].name == "gate-camera"


def test_the_detector_of_the_guide_ranks_a_far_value_first() -> None:
    values = np.random.default_rng(1).normal(size=(200, 4))
    values[17, 2] = 9
    fitted = _run("An outlier detector")["LargestRobustZ"].fit(values)
    assert int(np.argmax(fitted.training_scores())) == 17
    assert np.allclose(fitted.score(values), fitted.training_scores())


def test_the_engine_of_the_guide_gives_one_row_for_each_source(tmp_path: Path) -> None:
    engine = _run("An engine")["FileSizeEngine"](EngineSpec(), Programs())
    rows = engine.analyse_batch([b"x" * 2000, str(tmp_path / "missing.jpg")])
    assert [row["status"] for row in rows] == ["ok", "unreadable"]
    assert engine.missing() is None


def test_an_engine_that_is_registered_measures_a_data_set(tmp_path: Path, copy: Path, pictures: Path) -> None:
    assert len(_follow("An engine", copy)) == 4
    found = _scan(copy, "file_size", "size_in_kilobytes", tmp_path)
    assert found["counts"] == {"ok": 2}
    assert found["values"] == [path.stat().st_size / 1000 for path in sorted(pictures.iterdir())]
    assert _answer(copy, AUDIT, "file_size", str(tmp_path / "audited"), str(pictures)) == ["size_in_kilobytes"]


def test_the_asset_of_the_guide_is_found_and_made_by_a_scan(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "assets", tmp_path / "assets")
    (tmp_path / "assets" / "pass_rate.py").write_text(_blocks("An asset", "python")[0])
    code = """
from bqat_pipeline.definitions import defs
graph = defs.resolve_asset_graph()
key = next(k for k in graph.get_all_asset_keys() if k.path == ["pass_rate"])
print(sorted(k.path[0] for k in graph.get(key).parent_keys), "pass_rate" in defs.resolve_job_def("scan").graph.node_dict)
"""
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[-2] == "['report'] True", done.stdout + done.stderr
