"""The asset `identities` in a real run: whatever keeps it from its work is told, and costs nothing else of the run."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from assets.duplicates import duplicates
from assets.face_profiles import face_profiles
from assets.images import images
from assets.outliers import outliers
from bqat_pipeline.cli.description import describe
from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.identity import making
from bqat_pipeline.report import read_report
from bqat_pipeline.settings import settings
from resources import ComputeResource, DatasetStoreResource
from tests.api.conftest import Facade, facade_in  # noqa: F401 - a fixture
from tests.identity.fake_templates import FakeTemplateEngine, FakeTemplateEngines

RESOURCES = {"store": DatasetStoreResource(home=""), "compute": ComputeResource(workers=0, dask_scheduler="")}


AGAIN = ("identities", "report")
ALL = ("images", "face_profiles", *AGAIN)


class KilledEngine(FakeTemplateEngine):
    """Ends its worker before any file is opened, as when the machine has no memory left."""

    def analyse_batch(self, sources: Any) -> list[dict[str, Any]]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []


@dataclass(frozen=True)
class KilledEngines(FakeTemplateEngines):
    def __call__(self, spec: Any) -> KilledEngine:
        return KilledEngine(self.log_path)


@pytest.fixture
def switched_on(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The assets of the job `scan` as a code location has them that was started with BQAT_IDENTITY=true."""
    monkeypatch.setenv("BQAT_IDENTITY", "true")
    monkeypatch.setenv("BQAT_IDENTITY_MODEL", str(environment / "model.dat"))
    settings.cache_clear()

    def loaded(name: str) -> ModuleType:
        spec = find_spec(name)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return [
        images,
        face_profiles,
        outliers,
        duplicates,
        *loaded("assets.identities").IDENTITIES,
        loaded("assets.report").report,
    ]


def test_a_model_that_cannot_be_used_costs_no_report_and_the_next_run_makes_up_for_it(
    switched_on: list[Any],
    record: DatasetRecord,
    instance: dg.DagsterInstance,
    store: DatasetStore,
    environment: Path,
    facade_in: Facade,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route = f"/v1/datasets/{record.key}"

    def told(*selection: str) -> tuple[str, str]:
        """What a run that succeeds says of identities, wherever somebody may look."""
        chosen = dg.AssetSelection.assets(*selection)
        result = dg.materialize(
            switched_on, instance=instance, partition_key=record.key, resources=RESOURCES, selection=chosen
        )
        assert result.success
        (event,) = result.asset_materializations_for_node("identities")
        (check,) = (c for c in result.get_asset_check_evaluations() if c.check_name == "compared")
        problem = str(event.metadata["problem"].value) if "problem" in event.metadata else ""
        assert check.passed is not bool(problem)
        assert (check.severity.value == "ERROR") is bool(problem)
        report = read_report(store, record.key)
        assert report is not None and report.identities is not None
        assert report.identities.problem == problem
        page = (store.report(record.key) / "index.html").read_bytes().decode()
        assert ("The same person was not looked for" in page) is bool(problem)
        warnings = describe(store, record, store.manifest(record.key))["warnings"]
        assert warnings == ([f"the same person was not looked for: {problem}"] if problem else [])
        return problem, f"{report.identities.compared} compared"

    problem = f"cannot read the identity model {environment / 'model.dat'}: No such file or directory"
    assert told(*ALL) == (problem, "None compared")
    (environment / "storage").symlink_to("home")  # where the facade looks
    with facade_in(environment, identity=True) as client:
        assert client.get(route).json()["warnings"] == [f"the same person was not looked for: {problem}"]
        assert client.get("/v1/datasets").json()["items"][0]["warnings"] == client.get(route).json()["warnings"]
        answer = client.get(f"{route}/identities")
        assert answer.status_code == 404
        assert answer.json()["detail"].endswith(f"has no identities: {problem}")
        with monkeypatch.context() as patched:
            patched.setattr(making, "TemplateEngines", lambda model: KilledEngines(str(environment / "log")))
            assert "worker processes end before or after their files" in told(*AGAIN)[0]
        monkeypatch.setattr(making, "TemplateEngines", lambda model: FakeTemplateEngines(str(environment / "log")))
        assert told(*AGAIN) == ("", "0 compared")
        assert client.get(f"{route}/identities").json()["items"] == []
        assert client.get(route).json()["warnings"] == []
