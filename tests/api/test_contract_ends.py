"""The BQAT API's acceptance scenarios: scans that are stopped, resumed, cancelled, deleted, or meet an outage."""

import httpx

from tests.api.pictures import write_portraits
from tests.api.polling import log, start, until_working
from tests.processes import eventually, kill
from tests.stack import Stack

LONG = 80  # pictures; measured in some seconds, and what a test does meanwhile takes less than one


def test_stopped_scan_is_resumed_without_losing_or_doubling_a_row(stack: Stack):
    write_portraits(stack.data / "stopped", LONG)
    tid = start(stack, "data/stopped")
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 202  # harmless while it runs
    until_working(stack.client, tid)
    assert stack.client.post(f"/task/{tid}/stop", params={"type": "nonsense"}).status_code == 400
    assert stack.client.post(f"/task/{tid}/stop").status_code == 202
    assert stack.client.get(f"/task/{tid}/status").status_code == 404
    stopped = log(stack.client, "scan", tid)
    assert stopped["status"] == 0 and 0 < stopped["finished"] < stopped["total"] == LONG
    assert stack.client.post(f"/task/{tid}/stop").status_code == 409
    measured = stack.client.get(f"/scan/{stopped['collection']}/profiles").json()
    assert 0 < len(measured) < LONG and all("ipd" in profile for profile in measured)
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 202
    assert stack.client.get(f"/task/{tid}/status").status_code == 200
    task = stack.finished(tid)
    assert task["status"] == 2 and task["finished"] == LONG
    files = [p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json()]
    assert len(files) == len(set(files)) == LONG
    assert stack.client.post(f"/scan/resume/{tid}").status_code == 404


def test_cancelled_scan_is_gone_and_its_task_with_it(stack: Stack):
    write_portraits(stack.data / "cancelled", LONG)
    tid = start(stack, "data/cancelled")
    until_working(stack.client, tid)
    dataset = log(stack.client, "scan", tid)["collection"]
    assert stack.client.post(f"/task/cancel/{tid}").status_code == 422
    assert stack.client.post(f"/task/cancel/{tid}", params={"type": "report"}).status_code == 404
    response = stack.client.post(f"/task/cancel/{tid}", params={"type": "scan"})
    assert response.status_code == 200 and response.json() is None
    assert stack.client.get(f"/task/logs/scan/{tid}").json() == []
    assert stack.client.get(f"/task/{tid}/status").status_code == 404
    assert tid not in [entry["tid"] for entry in stack.client.get("/task/logs/scan").json()]
    count = stack.client.get(f"/scan/{dataset}/profiles/count").json()
    assert 0 < count < LONG  # what it measured stays and can be read
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == count
    assert len(stack.client.get(f"/scan/{dataset}/profiles").json()) == count


def partitions(stack: Stack) -> list[str]:
    """Data sets that Dagster knows."""
    body = {"query": "{assetNodes{assetKey{path} partitionKeys}}"}
    answer = httpx.post(f"{stack.dagster_url}/graphql", json=body, timeout=60).raise_for_status().json()
    return [key for node in answer["data"]["assetNodes"] for key in node["partitionKeys"]]


def test_cancelled_scan_that_measured_nothing_leaves_no_data_set(stack: Stack):
    write_portraits(stack.data / "in front", LONG)
    write_portraits(stack.data / "waiting", 5)
    first = start(stack, "data/in front")
    until_working(stack.client, first)
    waiting = start(stack, f"{stack.data}/waiting")
    entry = log(stack.client, "scan", waiting)
    assert (entry["status"], entry["total"], entry["input"]) == (0, 5, "data/waiting")
    dataset = entry["collection"]
    key = stack.client.get(f"/v1/datasets/{dataset}").json()["key"]
    assert key in partitions(stack)
    assert stack.client.post(f"/task/cancel/{waiting}", params={"type": "scan"}).status_code == 200
    assert dataset not in [entry["collection"] for entry in stack.client.get("/scan/logs").json()]
    assert stack.client.get(f"/v1/datasets/{key}").status_code == 404
    assert key not in partitions(stack)
    stack.client.post("/task/cancel")


def test_cancel_all_ends_every_task(stack: Stack):
    # What a test before has left running on the shared deployment, or its sensor has found, is none of this one's.
    stack.client.post("/task/cancel")
    eventually(lambda: stack.client.get("/scan/status").status_code == 202, 60, "nothing runs")
    tids = []
    for name in ("all one", "all two"):
        write_portraits(stack.data / name, 20)
        tids.append(start(stack, f"data/{name}"))
    waiting = stack.client.get("/scan/status")
    assert waiting.status_code == 200 and {t["tid"] for t in waiting.json()["tasks"]} == set(tids)
    answer = stack.client.post("/task/cancel").json()
    assert answer == {"Tasks cancelled": "2"}
    assert stack.client.get("/task/pending").json() == {}
    idle = stack.client.get("/scan/status")
    assert (idle.status_code, idle.json()) == (202, {"status": "No task in the queue"})


def test_deleting_a_task_keeps_its_results(stack: Stack):
    write_portraits(stack.data / "kept", 3)
    task = stack.scanned("data/kept")
    dataset = task["collection"]
    assert stack.client.delete(f"/task/{task['tid']}").status_code == 200
    assert stack.client.get(f"/task/{task['tid']}").status_code == 404
    assert stack.client.get(f"/scan/{dataset}/profiles/count").json() == 3
    assert stack.client.get(f"/scan/logs/{dataset}").json()["samples"] == 3
    assert stack.client.get(f"/scan/{dataset}/report").status_code == 200
    assert stack.client.delete(f"/scan/{dataset}/profiles").status_code == 200
    assert stack.client.get(f"/scan/{dataset}/profiles").json() == []
    assert stack.client.delete(f"/scan/logs/{dataset}").status_code == 200
    assert stack.client.get(f"/scan/logs/{dataset}").status_code == 404


def test_killed_server_comes_back_and_the_scan_ends_complete(stack: Stack):
    import psutil

    write_portraits(stack.data / "killed", LONG)
    tid = start(stack, "data/killed")
    until_working(stack.client, tid)
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "-m api " in line and stack.url.rsplit(":", 1)[1] in line:
            kill([process])
    eventually(lambda: stack.client.get("/info").status_code == 200, 60, "a new server")
    task = stack.finished(tid)
    assert task["status"] == 2 and task["finished"] == LONG
    files = [p["file"] for p in stack.client.get(f"/scan/{task['collection']}/profiles").json()]
    assert len(files) == len(set(files)) == LONG


def test_scan_asked_for_while_the_code_server_restarts_is_taken(stack: Stack):
    import psutil

    write_portraits(stack.data / "restart", 3)
    workspace = next((stack.folder / "state").glob("workspace-*.yaml")).read_text()
    port = workspace.split("port:")[1].split()[0]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "bqat_pipeline.deployment.code_server" in line and port in line:
            kill([process])
    assert stack.finished(start(stack, "data/restart"))["finished"] == 3


def test_front_end_sees_a_running_scan_while_the_webserver_restarts(stack: Stack):
    import psutil

    write_portraits(stack.data / "outage", LONG)
    tid = start(stack, "data/outage")
    until_working(stack.client, tid)
    port = stack.dagster_url.rsplit(":", 1)[1]
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if "bqat_pipeline.deployment.webserver" in line and port in line.split():
            kill([process])
    # BQAT-GUI takes any error here for a crash and stops the scan.
    assert all(stack.client.get(f"/task/{tid}/status").status_code == 200 for _ in range(20))
    eventually(lambda: stack.client.get(f"/task/logs/scan/{tid}").status_code == 200, 60, "a new webserver")
    assert stack.finished(tid)["finished"] == LONG
