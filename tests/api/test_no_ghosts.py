"""Data sets that never had a row leave nothing in lists and partitions, and their clients are told why."""

import shutil
from typing import Any

import httpx
import pytest

from tests.api.pictures import write_portraits
from tests.processes import eventually
from tests.stack import Stack

_PARTITIONS = """query P($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
  ... on AssetNode { partitionKeyConnection(limit: 10000, ascending: true) { results } } } }"""


def partitions(stack: Stack) -> list[str]:
    body = {"query": _PARTITIONS, "variables": {"asset": {"path": ["images"]}}}
    answer = httpx.post(f"{stack.dagster_url}/graphql", json=body, timeout=60).raise_for_status().json()
    return answer["data"]["assetNodeOrError"]["partitionKeyConnection"]["results"]


def start(stack: Stack, name: str) -> dict[str, Any]:
    write_portraits(stack.data / name, 15)
    answer = stack.client.post("/v1/datasets", json={"input": f"data/{name}"})
    return answer.raise_for_status().json()


@pytest.mark.timeout(400)
def test_scans_that_end_before_their_first_row_leave_no_ghost(stack: Stack):
    busy, cancelled, vanishing = (start(stack, f"ghost-{name}") for name in ("busy", "cancelled", "vanishing"))
    keys = {launched["dataset"]["key"] for launched in (cancelled, vanishing)}
    assert keys <= set(partitions(stack))
    # both wait for the one scan slot
    assert stack.client.post(f"/task/cancel/{cancelled['task']}?type=scan").status_code == 200
    shutil.rmtree(stack.data / "ghost-vanishing")
    eventually(lambda: stack.client.get(f"/task/{vanishing['task']}/status").status_code == 404, 120, "its failure")
    (log,) = stack.client.get(f"/task/logs/scan/{vanishing['task']}").json()
    assert log["status"] == 3 and "there is no folder" in log["logs"][0] and log["input"] == "data/ghost-vanishing"

    assert not keys & set(partitions(stack))
    listed = {item["key"] for item in stack.client.get("/v1/datasets?limit=1000").json()["items"]}
    assert not keys & listed and busy["dataset"]["key"] in listed
    ids = {launched["task"] for launched in (cancelled, vanishing)}
    assert not ids & {entry["tid"] for entry in stack.client.get("/task/logs/scan").json()}
    assert stack.finished(busy["task"])["status"] == 2
