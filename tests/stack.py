"""The whole product as real processes on free ports: code server, daemon, webserver, REST facade."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.processes import BIN, deployment_environment, eventually, free_port, started


@dataclass(frozen=True)
class Stack:
    """A running deployment with folders of its own."""

    folder: Path
    url: str
    dagster_url: str
    client: httpx.Client = field(repr=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def home(self) -> Path:
        return self.folder / "storage"

    def finished(self, tid: str, seconds: float = 120) -> dict[str, Any]:
        """The task as older clients see it, once it has ended."""

        def look() -> dict[str, Any] | None:
            task = self.client.get(f"/task/{tid}").raise_for_status().json()
            return task if task["status"] in (2, 3) else None

        return eventually(look, seconds, f"the end of task {tid}")

    def scanned(self, folder: str = "data/sample", **options: Any) -> dict[str, Any]:
        """The finished task of a new scan of a folder."""
        body = {"input": folder, "options": options}
        response = self.client.post("/scan/local", params={"modality": "face"}, json=body)
        assert response.status_code == 201, response.text
        task = self.finished(response.json()["tid"])
        assert task["status"] == 2, task
        return task


@contextlib.contextmanager
def running_stack(folder: Path, **settings: Any) -> Iterator[Stack]:
    """`bqat up` with its folders below the given one; all its processes are ended at the end of the block."""
    api_port, dagster_port = free_port(), free_port()
    # Two workers also where there are more cores: tests that act during a scan have as long for it everywhere.
    environment = deployment_environment(
        folder, BQAT_PORT=api_port, BQAT_DAGSTER_PORT=dagster_port, BQAT_WORKERS=2, **settings
    )
    log = folder / "up.log"
    url = f"http://127.0.0.1:{api_port}"
    with (
        started([str(BIN / "bqat"), "up"], environment, log) as process,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        try:
            eventually(lambda: client.get("/task/state").status_code == 200, 120, "a stack that is up")
        except AssertionError as error:
            everything = folder / "state" / "logs" / "up.log"
            said = log.read_text() + (everything.read_text() if everything.exists() else "")
            raise AssertionError(f"{error}\n{said[-4000:]}") from error
        yield Stack(folder, url, f"http://127.0.0.1:{dagster_port}", client)
        process.terminate()
        with contextlib.suppress(Exception):
            process.wait(timeout=20)
