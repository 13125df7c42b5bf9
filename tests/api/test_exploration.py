"""The exploratory page: drawn when somebody opens it, beside the scans, and no task of the BQAT API."""

import time
from typing import Any

import httpx
import pytest

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.report.write import put_eda
from tests.api.pictures import write_portraits
from tests.processes import eventually
from tests.stack import Stack

_RUNS = """query Runs($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs {
  results { runId status startTime endTime tags { key value } } } } }"""
_END = "mutation End($id: String!) { terminateRun(runId: $id) { __typename } }"


def graphql(stack: Stack, query: str, **variables: Any) -> dict[str, Any]:
    answer = httpx.post(f"{stack.dagster_url}/graphql", json={"query": query, "variables": variables}, timeout=60)
    return answer.raise_for_status().json()["data"]


def runs(stack: Stack, job: str, key: str) -> list[dict[str, Any]]:
    """Runs of a job for a data set, newest first."""
    conditions = {"pipelineName": job, "tags": [{"key": "dagster/partition", "value": key}]}
    return graphql(stack, _RUNS, filter=conditions)["runsOrError"]["results"]


def scan(stack: Stack, name: str) -> tuple[str, str]:
    """Collection and key of a scanned folder of a few pictures."""
    write_portraits(stack.data / name, 3)
    collection = stack.scanned(f"data/{name}")["collection"]
    return collection, stack.client.get(f"/v1/datasets/{collection}").json()["key"]


@pytest.mark.timeout(600)
def test_page_is_drawn_when_a_browser_opens_it_and_holds_up_no_scan(stack: Stack):
    from playwright.sync_api import sync_playwright

    collection, key = scan(stack, "explored")
    assert not runs(stack, "explore", key), "nobody asked for it"
    report = stack.client.get(f"/scan/{collection}/report").text
    assert report.count('href="./eda.html"') == 1 and "drawn when you open it" in report

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{stack.url}/v1/datasets/{key}/report")
        page.click('a[href="./eda.html"]')
        page.wait_for_selector("[role=status]")
        eventually(lambda: runs(stack, "explore", key)[0]["startTime"], 120, "the drawing to begin")

        write_portraits(stack.data / "meanwhile", 3)
        other = stack.scanned("data/meanwhile")
        # neither for clients of the BQAT API, nor in their lists
        assert stack.client.get("/task/pending").json() == {}
        lists = [
            stack.client.get(f"/task/logs/{kind}").json() for kind in ("scan", "report", "outlier", "preprocessing")
        ]
        drawing = runs(stack, "explore", key)
        assert not {run["runId"] for run in drawing} & {log["tid"] for logs in lists for log in logs}

        (drawn,) = drawing
        (scanned,) = runs(stack, "scan", stack.client.get(f"/v1/datasets/{other['collection']}").json()["key"])
        assert drawn["startTime"] and scanned["startTime"] < (drawn["endTime"] or time.time()), "the scan did not wait"

        # What is drawn comes into the browser by itself. The drawing itself is tested in tests/dagster, as it takes long.
        store = DatasetStore(Location.parse(stack.home))
        put_eda(store, key, store.manifest(key).generation, "<html><title>EDA Report</title></html>")
        eventually(lambda: page.title() == "EDA Report", 120, "the page to show the drawing")
        browser.close()
    assert stack.client.get(f"/v1/datasets/{key}/eda").status_code == 200
    assert "drawn when you open it" not in stack.client.get(f"/scan/{collection}/report").text
    assert len(runs(stack, "explore", key)) == 1, "looking at it does not draw it again"
    stack.client.delete(f"/v1/datasets/{key}").raise_for_status()


@pytest.mark.timeout(400)
def test_other_sites_do_not_start_it_and_a_stopped_one_stays_stopped(stack: Stack):
    _, key = scan(stack, "unexplored")
    route = f"/v1/datasets/{key}/eda"
    embedded = stack.client.get(route, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    assert embedded.status_code == 200 and "not drawn yet" in embedded.text and not runs(stack, "explore", key)

    waiting = stack.client.get(route)
    assert waiting.status_code == 202 and 'http-equiv="refresh"' in waiting.text and waiting.headers["retry-after"]

    def is_stopped() -> bool:
        (run,) = runs(stack, "explore", key)
        graphql(stack, _END, id=run["runId"])  # refused while the run's process starts
        return run["status"] == "CANCELED"

    eventually(is_stopped, 180, "the end of the drawing")
    stopped = stack.client.get(route)
    assert stopped.status_code == 200 and "it was stopped" in stopped.text and "refresh" not in stopped.text
    assert stack.client.get(route, params={"again": True}).status_code == 202

    assert stack.client.delete(f"/v1/datasets/{key}").status_code == 204
    ended = {"CANCELED", "FAILURE"}
    eventually(lambda: {r["status"] for r in runs(stack, "explore", key)} <= ended, 180, "nothing to be drawn of it")
    assert not (stack.home / "datasets" / key).exists()


@pytest.mark.timeout(400)
def test_report_that_a_client_asks_for_comes_with_the_page_and_ends_before_it(stack: Stack):
    collection, key = scan(stack, "asked")
    body = {"minimal": True, "downsample": 1}
    tid = stack.client.post(f"/scan/{collection}/report/generate", json=body).json()["reporting in progress"]
    eventually(lambda: stack.client.get(f"/scan/{collection}/report").status_code == 200, 120, "the report")
    eventually(lambda: stack.client.get(f"/task/{tid}/status").status_code == 404, 60, "the end of the report's task")
    eventually(lambda: runs(stack, "explore", key)[0]["startTime"], 180, "the drawing to begin")
    # a scan makes it out of date
    stack.client.post(f"/v1/datasets/{key}/scan").raise_for_status()
    eventually(lambda: runs(stack, "explore", key)[0]["status"] == "CANCELED", 180, "the drawing to end for the scan")
