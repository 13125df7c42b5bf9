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
# A folder audited by the package in the current folder, and where its report is: engine, home, pictures.
AUDIT = """
import json, sys
from bqat_pipeline import audit
from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.settings import Settings
engine, home, pictures = sys.argv[1:]
result = audit(pictures, options=ScanOptions(engine=engine), settings=Settings(home=home, workers=1, _env_file=None))
print(json.dumps(str(result.report)))
"""
# Outliers of a made-up table, in which one row is far from the others, by the package in the current folder: detector, folder.
DETECT = """
import json, sys
import numpy as np, pyarrow.parquet as pq
from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.outliers import OutlierOptions, write_outliers
from tests.outliers.tables import dataset, portraits
detector, folder = sys.argv[1:]
columns = portraits(400)
columns["yaw_degree"][17] = 900.0
options = OutlierOptions(detector=detector, columns=("yaw_degree", "pitch_degree", "roll_degree"), contamination=0.002)
write_outliers(dataset(columns), Generation("set", Location.parse(folder)), options)
flagged = pq.read_table(f"{folder}/outliers.parquet")["is_outlier"].to_numpy()
print(json.dumps(np.flatnonzero(flagged).tolist()))
"""
# What a route of the facade in the current folder answers: route, folder of a deployment.
ASK = """
import json, sys
from pathlib import Path
from fastapi.testclient import TestClient
from api.app import create_app
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.settings import Settings
from tests.report import synthetic
route, folder = sys.argv[1:]
home = f"{folder}/storage"
record = synthetic.dataset(DatasetStore(Location.parse(home)), [synthetic.profiles(40)])
empty = DatasetStore(Location.parse(home)).create("empty", [])
settings = Settings(home=home, data=f"{folder}/data", state=f"{folder}/state", assess_workers=0, _env_file=None)
with TestClient(create_app(settings), base_url="http://localhost") as client:
    answers = [client.get(route.format(dataset=key)) for key in (record.key, empty.key)]
    described = client.get("/openapi.json").json()["paths"]
print(json.dumps({"statuses": [a.status_code for a in answers], "body": answers[0].json(), "described": route in described}))
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
        r"```(\w+)\n(?:#|<!--) (\S+/\S+)(?: -->)?\n(.*?)```",
        PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0],
        re.DOTALL,
    ):
        files.append(path)
        place = root / path
        if language != "diff":
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
    path = os.pathsep.join((str(root), str(ROOT)))  # what the folder has no copy of
    done = subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _report(page: str) -> dict[str, Any]:
    """The numbers of a report."""
    return json.loads(Path(page).with_name("report.json").read_text())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the packages, to be extended."""
    for package in ("bqat_pipeline", "api", "assets"):
        shutil.copytree(ROOT / package, tmp_path / "copy" / package)
    return tmp_path / "copy"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with the two portraits of the sample."""
    folder = tmp_path / "set"
    folder.mkdir()
    for number, portrait in enumerate(portraits()):
        Image.fromarray(portrait[:, :, ::-1]).save(folder / f"{number}.png")
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
    report = _report(_answer(copy, AUDIT, "file_size", str(tmp_path / "audited"), str(pictures)))
    assert [measure["name"] for measure in report["measures"]] == ["size_in_kilobytes"]


def test_an_iso_component_that_becomes_computable_is_measured_scored_and_reported(
    tmp_path: Path, copy: Path, pictures: Path
) -> None:
    name = "iso_face_occlusion_prevention"
    assert len(_follow("An ISO component", copy)) == 4
    report = _report(_answer(copy, AUDIT, "bqat", str(tmp_path / "audited"), str(pictures)))
    measure = next(measure for measure in report["measures"] if measure["name"] == name)
    assert measure["method"] == "approx"
    assert 90 < measure["score_p5"] <= 100  # nothing covers these two faces


def test_a_detector_that_is_registered_finds_the_outliers_of_a_data_set(tmp_path: Path, copy: Path) -> None:
    assert len(_follow("An outlier detector", copy)) == 3
    (tmp_path / "generation").mkdir()
    assert _answer(copy, DETECT, "robust_z", str(tmp_path / "generation")) == [17]


def test_a_report_section_that_is_registered_is_in_numbers_contents_and_page(
    tmp_path: Path, copy: Path, pictures: Path
) -> None:
    assert len(_follow("A report section", copy)) == 4
    page = _answer(copy, AUDIT, "bqat", str(tmp_path / "audited"), str(pictures))
    assert _report(page)["speed"]["files"] == 2
    html = Path(page).read_text()
    assert '<a href="#speed">Speed</a>' in html
    assert "<p>2 files in " in html


def test_a_route_that_is_registered_answers_and_is_described(tmp_path: Path, copy: Path) -> None:
    assert len(_follow("A route", copy)) == 2
    answer = _answer(copy, ASK, "/v1/datasets/{dataset}/pass-rate", str(tmp_path / "deployment"))
    assert (answer["statuses"], answer["described"]) == ([200, 404], True)
    assert 0 <= answer["body"]["passed"] <= answer["body"]["judged"] <= 40


def test_the_asset_of_the_guide_is_found_and_made_by_a_scan(copy: Path) -> None:
    assert len(_follow("An asset", copy)) == 1
    code = """
import json
from bqat_pipeline.definitions import defs
graph = defs.resolve_asset_graph()
key = next(k for k in graph.get_all_asset_keys() if k.path == ["pass_rate"])
made = "pass_rate" in defs.resolve_job_def("scan").graph.node_dict
print(json.dumps([sorted(k.path[0] for k in graph.get(key).parent_keys), made]))
"""
    assert _answer(copy, code) == [["report"], True]
