"""The review page in a browser, with a made-up data set behind it, for the tests of this folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from tests.api.pictures import portrait
from tests.facade import RunningFacade
from tests.processes import eventually
from tests.report import synthetic

ROWS = 450
# A file name that is a script where somebody takes text for markup.
HOSTILE = "data/faces/2024/kiosk/<img src=x onerror=document.title='broken'>\u202e.jpg"
# Holds the first request to an address that matches. Within the page: a network interception that is switched on after the page
# was loaded may reach the renderer after the next keys.
HOLD = """pattern => {
    const send = window.fetch;
    window.fetch = (to, given) => {
        if (window.sendHeld || !new RegExp(pattern).test(to)) return send(to, given);
        return new Promise((answer) => { window.sendHeld = () => answer(send(to, given)); });
    };
}"""
LABEL = "e => e.querySelector('.rv-tile.focus').getAttribute('aria-label')"


class Set:
    """A made-up data set behind a running facade, and a browser."""

    def __init__(self, facade: RunningFacade, record: DatasetRecord, browser: Any) -> None:
        self.address, self.record, self.browser = facade.address, record, browser
        self.page_address = f"{facade.address}/datasets/{record.key}"
        self.client = httpx.Client(base_url=f"{facade.address}/v1/datasets/{record.key}", timeout=30)

    def decisions(self) -> dict[str, str]:
        """File to decision, as the server knows them."""
        items = self.client.get("decisions", params={"limit": 1000}).raise_for_status().json()["items"]
        return {item["file"]: item["decision"] for item in items}

    def become(self, wanted: dict[str, str]) -> None:
        """Wait until exactly these decisions are stored."""
        eventually(lambda: self.decisions() == wanted, 10, f"decisions {wanted}, not {self.decisions()}")

    def state(self, name: str) -> int:
        """How many pictures the facet `decision` counts."""
        facets = self.client.get("facets", params={"histograms": ""}).raise_for_status().json()["facets"]
        (facet,) = (facet for facet in facets if facet["name"] == "decision")
        return next(value["count"] for value in facet["values"] if value["value"] == name)


def store_in(folder: Path) -> DatasetStore:
    return DatasetStore(Location.parse(folder / "storage"))


def made(folder: Path) -> DatasetRecord:
    """A data set with pictures for its first rows."""
    table = synthetic.profiles(ROWS)
    files = table["file"].to_pylist()
    files[7] = HOSTILE
    table = table.set_column(table.schema.get_field_index("file"), synthetic.SCHEMA.field("file"), pa.array(files))
    for file in files[:40]:
        if file != HOSTILE and not (folder / file).exists():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(portrait())
    return synthetic.dataset(store_in(folder), [table], uri=str(folder / "data" / "faces"))


@contextmanager
def page_of(review: Set, query: str = "", **context: Any) -> Iterator[Any]:
    """The page in a browser of its own; scripts that fail and requests to anywhere else are faults."""
    page = review.browser.new_page(**context)
    page.set_default_timeout(20_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    wrong = ("Content Security Policy", "NaN")  # a drawing with a place that is no number is not drawn
    page.on("console", lambda said: faults.extend([said.text] if any(word in said.text for word in wrong) else []))
    page.on("request", lambda request: faults.extend(foreign(request.url, review.address)))
    page.goto(review.page_address + query)
    page.wait_for_selector(".rv-tile.focus[aria-label*=',']")
    page.wait_for_selector(".rv-value", state="attached")
    yield page
    assert faults == []
    page.close()


def foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith((f"{address}/", "data:", "blob:")) else [url]


def focused(page: Any) -> str:
    """What a screen reader says of the focused picture."""
    found: str = page.eval_on_selector(".rv", LABEL)
    return found


def count(page: Any) -> int:
    """Pictures that meet the filters, as the page says."""
    return int(re.sub(r"\D", "", page.inner_text(".rv-count")))


def hold(page: Any, pattern: str) -> None:
    """Have the first request whose address matches a regular expression wait for ``send_held``."""
    page.evaluate(HOLD, pattern)


def send_held(page: Any) -> None:
    page.evaluate("sendHeld()")


def wait_until_held(page: Any) -> None:
    page.wait_for_function("() => window.sendHeld")


def counted(page: Any, wanted: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('.rv-count').textContent.replaceAll(',', '').startsWith(`${n} `)", arg=wanted
    )
