"""Requests generated from the OpenAPI document: whatever it allows, the server answers without failing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings

from api.app import create_app
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.outliers import write_outliers
from bqat_pipeline.settings import Settings
from tests.api.pictures import portrait
from tests.report import synthetic

EXAMPLES = 6
_PASSED = ("params", "headers", "cookies", "json", "data", "files")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "data" / "helen").mkdir(parents=True)
    (folder / "data" / "helen" / "1.jpg").write_bytes(portrait())
    store = DatasetStore(Location.parse(folder / "storage"))
    record = synthetic.dataset(store, [synthetic.profiles(200)])
    profiles = store.profiles(record.key)
    assert profiles is not None
    write_outliers(profiles, store.generation(record.key, "g1"))
    return folder


@pytest.fixture(scope="module")
def key(place: Path) -> str:
    return next(iter(DatasetStore(Location.parse(place / "storage")).keys()))


@pytest.fixture(scope="module")
def app(place: Path, monkeypatch_module: pytest.MonkeyPatch):
    # Without Dagster each launch would be tried again for ten seconds.
    monkeypatch_module.setattr("api.tasks.dagster_client.LAUNCH_PATIENCE", 0.0)
    return create_app(
        Settings(
            _env_file=None,
            home=str(place / "storage"),
            data=str(place / "data"),
            state=place / "state",
            dagster_url="http://127.0.0.1:9",
        )
    )


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def client(app) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def document(app, client):
    return schemathesis.openapi.from_dict(app.openapi())


def _sendable(arguments: dict) -> dict:
    """Arguments as the test client takes them; file contents of other types are sent as text."""
    kept = {name: arguments[name] for name in ("method", "url", *_PASSED) if arguments.get(name)}
    if "files" in kept:
        kept["files"] = [(name, _file(content)) for name, content in dict(kept["files"]).items()]
    return kept


def _file(content: object) -> object:
    if isinstance(content, tuple):
        return (content[0] or "file", *(_file(part) for part in content[1:2]), *content[2:])
    return content if isinstance(content, bytes) else str(content).encode(errors="replace")


def operations() -> list[tuple[str, str]]:
    document = create_app(Settings(_env_file=None)).openapi()
    return sorted(
        (path, method.upper())
        for path, methods in document["paths"].items()
        for method in methods
        if not path.endswith("/events")  # answers until the task ends
    )


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_that_the_document_allows_ends_in_a_failure(document, client, key, path: str, method: str):
    operation = document[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case) -> None:
        if "dataset" in case.path_parameters:
            case.path_parameters["dataset"] = key
        response = client.request(**_sendable(case.as_transport_kwargs(base_url="http://localhost")))
        # 503: Dagster is out of reach here, and the answer says so.
        assert response.status_code < 500 or response.status_code == 503, (
            f"{method} {case.formatted_path}: {response.status_code} {response.text[:500]}"
        )

    check()
