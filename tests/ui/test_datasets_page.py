"""The page of data sets as a newcomer uses it, in Chromium on a real `bqat up`."""

import base64
import contextlib
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.pictures import archive, portrait
from tests.browser import running_chromium
from tests.facade import RunningFacade, running_facade
from tests.processes import eventually
from tests.stack import Stack, running_stack

HOSTILE = "<img src=x onerror=document.title='taken'>"
SCANNED = 120_000  # ms; generous, for machines with much else to do

_DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  for (const kind of ['dragover', 'drop'])
    document.querySelector('main').dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


# What has the focus, by what it says; null for the page itself.
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const name = one.getAttribute('aria-label') ?? (one.innerText || one.labels?.[0]?.innerText || one.tagName);
  return { name: name.trim(), seen: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 };
}"""


@pytest.fixture(scope="module")
def fresh(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployment that nobody has used yet, as a newcomer meets it: the shared one, when this file has it first."""
    used = stack.client.get("/v1/datasets").json()["items"] or any(p.is_file() for p in stack.data.rglob("*"))
    with contextlib.ExitStack() as own:
        running = own.enter_context(running_stack(tmp_path_factory.mktemp("fresh"))) if used else stack
        yield running
        for item in running.client.get("/v1/datasets").json()["items"]:
            running.client.delete(f"/v1/datasets/{item['key']}")
        for folder in running.data.iterdir():
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_chromium() as running:
        yield running


@pytest.fixture
def page(browser: Any, fresh: Stack) -> Iterator[Any]:
    """The page; at its end nothing was asked for elsewhere, and no script has failed or was refused."""
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("request", lambda sent: None if sent.url.startswith((fresh.url, "data:")) else faults.append(sent.url))
    page.goto(fresh.url)
    yield page
    assert faults == []
    context.close()


def card(page: Any, name: str) -> Any:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name, exact=True)).last


def new_dataset(page: Any) -> Any:
    """The button that begins one, on a page with or without data sets."""
    return page.get_by_role("button", name="New data set").or_(page.get_by_role("button", name="Choose pictures"))


def tab_to(page: Any, name: str) -> None:
    """Press Tab until something of this name has the focus; whatever has it on the way is seen to have it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUSED)
        if found is None:
            continue
        assert found["seen"], f"nobody sees that {found['name']!r} has the focus"
        if name in found["name"]:
            return
    pytest.fail(f"Tab does not come to {name!r}")


def test_from_nothing_to_an_exported_list_by_keys_alone(page: Any, fresh: Stack):
    (fresh.data / "desk" / "keys").mkdir(parents=True)
    for number in range(3):
        (fresh.data / "desk" / "keys" / f"{number}.jpg").write_bytes(portrait() + bytes([number]))
    page.get_by_role("button", name="Choose pictures").wait_for()
    tab_to(page, "Choose pictures")
    page.keyboard.press("Enter")
    for name in ("A folder on the server", "desk/", "keys/", "Take data/desk/keys"):
        page.get_by_role("button", name=name).wait_for()
        tab_to(page, name)
        page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement?.value === 'keys' && getSelection().toString() === 'keys'")
    page.keyboard.type("by keys")  # the name has the focus, and is selected
    page.get_by_role("button", name="Scan it", disabled=False).wait_for()
    page.keyboard.press("Enter")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    card(page, "by keys").get_by_role("link", name="Review").wait_for(timeout=SCANNED)
    lists = [url for url in asked if "/v1/datasets?" in url]
    assert len(lists) <= 4, lists  # when the scan was launched and when it ended, however long it took
    assert page.evaluate("document.activeElement !== document.body")
    tab_to(page, "Review")
    page.keyboard.press("Enter")
    page.wait_for_selector(".rv-tile.focus[aria-label*=',']")
    for key in "212":
        page.keyboard.press(key)
    page.wait_for_selector(".rv-export a:has-text('Export 2 to take again')")
    tab_to(page, "Export 2")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    lines = Path(saved.value.path()).read_text().splitlines()
    assert len(lines) == 3 and all("desk/keys" in line for line in lines[1:])
    (item,) = fresh.client.get("/v1/datasets").json()["items"]
    assert fresh.client.delete(f"/v1/datasets/{item['key']}").status_code == 204


def test_one_click_scans_the_sample_of_an_empty_server(page: Any, fresh: Stack):
    page.get_by_role("heading", name="Data sets").wait_for()
    page.get_by_role("button", name="Try it with a sample").click()
    page.get_by_role("article", name="Scan of sample").wait_for()
    found = card(page, "sample")
    found.get_by_role("img", name="fail").wait_for(timeout=SCANNED)
    assert "24 files" in found.inner_text()
    # counted apart: nobody judged them, so that they are not "not assessed"
    assert "6 without a measured face" in found.inner_text() and "not assessed" not in found.inner_text()
    faces = found.locator("img")
    faces.nth(5).wait_for(timeout=SCANNED)
    for number in range(6):
        eventually(lambda n=number: faces.nth(n).evaluate("image => image.naturalWidth"), 60, "a face")
    found.get_by_role("link", name="sample").click()
    page.wait_for_url("**/datasets/sample-*")
    assert not page.locator(".toast").count()  # the note that it can be reviewed is not laid over its pictures
    page.go_back()
    card(page, "sample").wait_for()
    again = fresh.client.post("/v1/sample")  # asked for twice it is there once
    assert (again.status_code, again.json()["dataset"]["rows"]) == (200, 24)
    assert len(fresh.client.get("/v1/datasets", params={"name": "sample"}).json()["items"]) == 1


def test_dropped_zip_becomes_a_data_set_and_a_hostile_name_stays_text(page: Any, fresh: Stack):
    content = archive({"a/1.jpg": portrait(), "a/2.jpg": portrait() + b"other"})
    page.get_by_role("heading", name="Data sets").wait_for()
    page.evaluate(_DROP, ["faces.zip", base64.b64encode(content).decode()])
    dialog = page.get_by_role("dialog", name="New data set")
    assert dialog.get_by_label("Name").input_value() == "faces"
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_text("Relaxed enrolment").click()
    dialog.get_by_role("button", name="Scan it").click()
    found = card(page, HOSTILE)
    found.get_by_role("link", name="Report").wait_for(timeout=SCANNED)
    assert "2 files" in found.inner_text() and page.title() == "Data sets"
    (item,) = fresh.client.get("/v1/datasets", params={"name": HOSTILE}).json()["items"]
    assert item["requirements"] == "enrolment-relaxed" and item["sources"] == ["data/uploaded/faces"]


def test_folder_of_the_server_is_chosen_with_the_keyboard_alone(page: Any, fresh: Stack):
    (fresh.data / "desk" / "monday").mkdir(parents=True)
    (fresh.data / "desk" / "monday" / "1.jpg").write_bytes(portrait() + b"monday")
    new_dataset(page).press("Enter")
    dialog = page.get_by_role("dialog", name="New data set")
    dialog.get_by_role("button", name="A folder on the server").press("Enter")
    dialog.get_by_role("button", name="desk/").press("Enter")
    dialog.get_by_role("button", name="monday/").press("Enter")
    dialog.get_by_text("1 picture directly in it").wait_for()
    dialog.get_by_role("button", name="Take data/desk/monday").press("Enter")
    assert dialog.get_by_label("Name").input_value() == "monday"
    dialog.get_by_label("Name").press("Enter")
    card(page, "monday").get_by_role("link", name="Review").wait_for(timeout=SCANNED)


def test_two_data_sets_are_compared_from_a_card(page: Any, fresh: Stack):
    fresh.client.get("/v1/datasets").raise_for_status()
    found = [item for item in fresh.client.get("/v1/datasets").json()["items"] if item["scanned"]]
    if len(found) < 2:
        pytest.fail("the tests before this one make two data sets")
    first, second = found[:2]
    card(page, second["name"]).get_by_role("link", name="Compare").click()
    page.get_by_label("Before").select_option(first["key"])
    page.get_by_role("heading", name="Requirements").wait_for(timeout=SCANNED)
    assert f"a={first['key']}" in page.url and f"b={second['key']}" in page.url
    page.reload()
    page.get_by_role("heading", name="Pictures with another outcome").wait_for(timeout=SCANNED)


def test_axe_finds_no_serious_fault(browser: Any, fresh: Stack):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context()
    page = context.new_page()
    for path in ("/", "/compare"):
        page.goto(fresh.url + path)
        page.get_by_role("heading", level=1).wait_for()
        if path == "/":
            new_dataset(page).click()
            page.get_by_role("button", name="Choose a folder").wait_for()
        for width, scheme in itertools.product((360, 1440), ("light", "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page).response["violations"]
            serious = [
                (fault["id"], [node["html"] for node in fault["nodes"]])
                for fault in found
                if fault["impact"] in ("serious", "critical") or fault["id"] == "heading-order"
            ]
            assert serious == [], (path, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width, scheme)
    context.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFacade]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    settings = {"BQAT_API_KEY": "a-key-nobody-knows", "BQAT_API_KEY_SCOPE": "all", "BQAT_ASSESS_WORKERS": 0}
    with running_facade(folder, **settings) as running:
        yield running


def test_page_asks_for_the_key_once(browser: Any, guarded: RunningFacade):
    context = browser.new_context()
    page = context.new_page()
    page.goto(guarded.address)
    dialog = page.get_by_role("dialog", name="This server asks for a key")
    dialog.get_by_label("Key").fill("wrong")
    dialog.get_by_role("button", name="Enter").click()
    dialog.get_by_text("This key is wrong.").wait_for()
    dialog.get_by_label("Key").fill("a-key-nobody-knows")
    dialog.get_by_label("Key").press("Enter")
    page.get_by_role("button", name="Try it with a sample").wait_for()
    assert page.get_by_role("dialog").count() == 0
    page.reload()
    page.get_by_role("button", name="Try it with a sample").wait_for()
    assert page.get_by_role("dialog").count() == 0
    context.close()
