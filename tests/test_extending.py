"""The worked examples of docs/extending.md are run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bqat_pipeline.cli.sample import portraits
from bqat_pipeline.columns import FACE, ColumnSet
from bqat_pipeline.face import FaceEngine
from tests.processes import ROOT

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "extending.md").read_text()


def _blocks(title: str, language: str) -> list[str]:
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def _run(title: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    for block in _blocks(title, "python"):
        exec(compile(block, f"docs/extending.md: {title}", "exec"), names)
    return names


def test_the_measure_of_the_guide_measures_a_portrait_and_can_be_registered() -> None:
    example = _run("A measure")
    context = FaceEngine().context(portraits()[1][:, :, ::-1])
    values = example["measure"](context)
    assert list(values) == [example["below_chin"].name]
    assert 0.3 < values["aux_below_chin"] < 0.6  # the chin of this portrait is a little above its middle
    assert "aux_below_chin" in ColumnSet((*FACE, example["below_chin"])).statistics()


def test_the_requirement_profile_of_the_guide_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gate-camera.toml").write_text(_blocks("A requirement profile", "toml")[0])
    monkeypatch.chdir(tmp_path)
    assert _run("A requirement profile")["profile"].name == "gate-camera"


def test_the_detector_of_the_guide_ranks_a_far_value_first() -> None:
    values = np.random.default_rng(1).normal(size=(200, 4))
    values[17, 2] = 9
    fitted = _run("An outlier detector")["LargestRobustZ"].fit(values)
    assert int(np.argmax(fitted.training_scores())) == 17
    assert np.allclose(fitted.score(values), fitted.training_scores())


def test_the_engine_of_the_guide_gives_one_row_for_each_source(tmp_path: Path) -> None:
    engine = _run("An engine")["FileSizeEngine"]()
    rows = engine.analyse_batch([b"x" * 2000, str(tmp_path / "missing.jpg")])
    assert [row["status"] for row in rows] == ["ok", "unreadable"]
    assert engine.available() is None


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
