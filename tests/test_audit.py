"""A whole data set from Python."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.pictures import write_portraits
from tests.processes import deployment_environment

# As people write it: no guard round the call, which worker processes would otherwise run again.
SCRIPT = """
import json, sys
from bqat_pipeline import audit
result = audit(sys.argv[1], settings=None)
print(json.dumps({
    "key": result.key, "counts": result.counts, "report": result.report, "warnings": result.warnings,
    "files": result.profiles["file"].to_pylist(), "eyes": result.profiles["iso_inter_eye_distance"].to_pylist(),
    "outliers": result.outliers.num_rows, "copies": result.duplicates["kind"].to_pylist(),
}))
"""


def run(folder: Path, pictures: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "mine.py"
    script.write_text(SCRIPT)
    environment = deployment_environment(folder)
    return subprocess.run(
        [sys.executable, str(script), str(pictures)], env=environment, cwd=folder, capture_output=True, text=True
    )


def test_three_lines_give_profiles_findings_and_report_and_share_them_with_the_command_line(
    warm: Path, tmp_path: Path
) -> None:
    pictures = tmp_path / "portraits"
    write_portraits(pictures, 3)
    (pictures / "copy.jpg").write_bytes((pictures / "0000.jpg").read_bytes())
    (pictures / "notes.jpg").write_text("no picture")
    done = run(tmp_path, pictures)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["counts"] == {"ok": 4, "unreadable": 1}
    assert found["files"] == sorted(found["files"]) and len(found["files"]) == 5
    assert sum(distance is not None for distance in found["eyes"]) == 4
    assert found["outliers"] == 5 and "exact" in found["copies"]
    assert "<html" in Path(found["report"]).read_text()

    (pictures / "copy.jpg").unlink()
    again = json.loads(run(tmp_path, pictures).stdout)
    assert (again["key"], again["counts"]) == (found["key"], {"ok": 3, "unreadable": 1})
    shown = subprocess.run(
        [warm / "bqat", "scan", str(pictures), "--json"],
        env=deployment_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    summary = json.loads(shown.stdout)
    assert summary["dataset"] == found["key"]
    assert summary["changes"]["unchanged"] == 4, "what was measured from Python is not measured again"


def test_folders_that_cannot_be_audited_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bqat_pipeline import audit
    from bqat_pipeline.execution import EmptySourceError
    from bqat_pipeline.settings import Settings

    chosen = Settings(home=str(tmp_path / "home"), data=str(tmp_path), _env_file=None)  # type: ignore[call-arg]
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        audit(tmp_path / "nowhere", settings=chosen)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmptySourceError, match="there are no pictures"):
        audit(tmp_path / "empty", settings=chosen)
    assert not (tmp_path / "home" / "datasets").exists()
