"""Eight clients at once, reading and writing."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.pictures import archive, portrait, write_portraits
from tests.api.polling import until_gone
from tests.stack import Stack

CLIENTS = 8
SCANNING = 4  # of them; the others upload, read and delete
FILES = 3
READS = (
    "/info",
    "/task/state",
    "/task/pending",
    "/task/logs/scan",
    "/task/logs/report",
    "/task/inputs/folders",
    "/scan/logs",
    "/v1/datasets?limit=5",
    "/v1/runs?limit=5",
    "/metrics",
)


@pytest.mark.timeout(500)
def test_eight_clients_lose_nothing_and_see_no_failure(stack: Stack):
    for number in range(SCANNING):
        write_portraits(stack.data / "many" / str(number), FILES)

    def session(number: int) -> tuple[str, list[int]]:
        statuses: list[int] = []
        tid = ""
        with httpx.Client(base_url=stack.url, timeout=60) as client:

            def call(method: str, path: str, **arguments: object) -> httpx.Response:
                response = client.request(method, path, **arguments)
                statuses.append(response.status_code)
                return response

            if number < SCANNING:
                body = {"input": f"data/many/{number}"}
                tid = call("POST", "/scan/local?modality=face", json=body).json()["tid"]
            uploaded = call("POST", "/dataset", files={"file": ("same name.zip", archive({"1.jpg": portrait()}))})
            path = uploaded.json()["message"].partition(": ")[2]
            for route in READS:
                call("GET", route)
            if number < SCANNING:
                until_gone(client, tid, 400)
                task = call("GET", f"/task/{tid}").json()
                assert (task["status"], task["finished"]) == (2, FILES)
                dataset = task["collection"]
                found = call("GET", f"/scan/{dataset}/profiles").json()
                assert sorted(p["file"] for p in found) == [f"data/many/{number}/{n:04d}.jpg" for n in range(FILES)]
                call("GET", f"/v1/datasets/{dataset}/profiles?sort=-ipd&limit=2")
                call("GET", f"/v1/datasets/{dataset}/export?format=parquet")
                if number % 2:
                    call("DELETE", f"/v1/datasets/{dataset}")
            call("DELETE", "/dataset", json=path)
        return tid, statuses

    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(session, range(CLIENTS)))
    assert all(status < 400 for _, statuses in results for status in statuses)
    left = {log["tid"] for log in stack.client.get("/task/logs/scan").json()}
    tids = [tid for tid, _ in results[:SCANNING]]
    assert set(tids[::2]) <= left and not set(tids[1::2]) & left
    assert not [f for f in stack.client.get("/task/inputs/folders").json() if "same name" in f]
