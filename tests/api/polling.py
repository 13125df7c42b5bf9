"""Waiting for tasks by polling, as clients do."""

from typing import Any

import httpx

from tests.processes import eventually
from tests.stack import Stack


def start(stack: Stack, folder: str, **options: object) -> str:
    """Launch a scan of a folder and return its task id."""
    body = {"input": folder, "options": options}
    response = stack.client.post("/scan/local", params={"modality": "face"}, json=body)
    assert response.status_code == 201, response.text
    assert list(response.json()) == ["tid"]
    return response.json()["tid"]


def until_gone(client: httpx.Client, tid: str, seconds: float = 120) -> list[dict[str, Any]]:
    """Wait until the live status of a task answers 404, and return every live entry that was seen before."""
    seen: list[dict[str, Any]] = []

    def look() -> bool:
        response = client.get(f"/task/{tid}/status")
        if response.status_code == 200:
            seen.append(response.json())
        return response.status_code == 404

    eventually(look, seconds, f"the end of task {tid}")
    return seen


def until_working(client: httpx.Client, tid: str, seconds: float = 60) -> dict[str, Any]:
    """The first live entry of a task with files done."""

    def look() -> dict[str, Any] | None:
        entry = client.get(f"/task/{tid}/status").raise_for_status().json()
        return entry if entry["done"] else None

    return eventually(look, seconds, f"work on task {tid}")


def log(client: httpx.Client, kind: str, tid: str) -> dict[str, Any]:
    """The log of a task."""
    entries = client.get(f"/task/logs/{kind}/{tid}").raise_for_status().json()
    assert len(entries) == 1
    return entries[0]
