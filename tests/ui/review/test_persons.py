"""The review page: pictures that may show one person, with a planted finding."""

from pathlib import Path
from typing import Any

import pytest

from bqat_pipeline.datasets import DatasetRecord
from tests.facade import RunningFacade, running_facade
from tests.identity.planted import plant
from tests.ui.review.page import ROWS, Set, counted, made, page_of, store_in

PART = "May show the same person"


def planted(folder: Path) -> DatasetRecord:
    record, store = made(folder), store_in(folder)
    profiles = store.profiles(record.key)
    assert profiles is not None
    plant(store, record, profiles.to_table(columns=["file", "sha256"]))
    return record


@pytest.mark.parametrize(("thumbnails", "pictures"), [("full", 4), ("none", 0)])
def test_pictures_of_one_person_are_found_and_decided_about_by_keys(
    tmp_path: Path, browser: Any, thumbnails: str, pictures: int
):
    from axe_playwright_python.sync_playwright import Axe

    record = planted(tmp_path)
    environment = {"BQAT_IDENTITY": "true", "BQAT_THUMBNAILS": thumbnails, "BQAT_ASSESS_WORKERS": "0"}
    with running_facade(tmp_path, **environment) as facade:
        review = Set(facade, record, browser)
        with page_of(review, "?sort=row") as page:
            page.click(".rv-value:has-text('May show one person')")
            counted(page, 5)
            page.click(".rv-value:has-text('Group 0')")
            counted(page, 3)
            assert "filter=identity:eq:true" in page.url and "filter=identity_group:eq:0" in page.url
            page.reload()
            page.wait_for_selector(".rv-chip:has-text('May show one person')")
            counted(page, 3)
            page.click(".rv-chip:has-text('May show one person')")
            page.wait_for_url("**filter=identity_group:eq:0**")
            counted(page, 3)

            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("ArrowRight")  # row 9, between the two others
            part = page.get_by_role("region", name=PART)
            part.get_by_text("distance 0.21").wait_for()
            assert part.get_by_text("distance 0.30").count() == 1
            if not pictures:
                page.wait_for_selector(".rv-problem:has-text('BQAT_THUMBNAILS')")
            assert part.locator("img").count() == pictures

            def pairs() -> list[str | None]:
                items = review.client.get("identities").raise_for_status().json()["items"]
                return [item["decision"] for item in items if item["distance"] == 0.21]

            different = part.get_by_role("button", name="Not the same").first
            part.get_by_role("button", name="Same person").first.focus()
            page.keyboard.press("Tab")
            for answer, pressed in (("different", "true"), (None, "false"), ("different", "true")):
                page.keyboard.press("Enter")
                part.locator(f"button:focus[aria-pressed={pressed}][aria-disabled=false]").wait_for()
                assert different.get_attribute("aria-pressed") == pressed
                assert pairs() == [answer]
            page.reload()
            part.locator("button[aria-pressed=true]", has_text="Not the same").wait_for()
            found = Axe().run(page, context=".rv-persons").response["violations"]
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in found] == []

            # Side by side: answered by a key or a button, and seen beside the picture afterwards.
            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("c")
            both = page.get_by_role("dialog", name="Two pictures side by side")
            both.get_by_text("distance 0.21").wait_for()
            for act, said in (
                (lambda: page.keyboard.press("s"), "same"),
                (lambda: page.keyboard.press("s"), None),
                (both.get_by_role("button", name="Not the same").click, "different"),
                (lambda: page.keyboard.press("s"), "same"),
            ):
                act()
                pressed = "true" if said else "false"
                word = "Not the same" if said == "different" else "Same person"
                both.locator(f"button[aria-pressed={pressed}][aria-disabled=false]", has_text=word).wait_for()
                assert pairs() == [said]
            found = Axe().run(page, context=".rv-pair-person").response["violations"]
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in found] == []
            page.keyboard.press("Escape")
            part.locator("button[aria-pressed=true]", has_text="Same person").wait_for()
            assert review.decisions() == {}


def test_switched_off_nothing_of_it_is_shown_or_asked_for(facade: RunningFacade, folder: Path, browser: Any):
    review = Set(facade, planted(folder), browser)
    asked: list[str] = []
    with page_of(review, "?sort=row&row=9") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        page.wait_for_selector(".rv-gauges")
        counted(page, ROWS)
        assert page.locator(".rv-value").count() and page.get_by_text("May show").count() == 0
        assert page.get_by_text("Group of one person").count() == 0
        assert page.get_by_role("region", name=PART).count() == 0
    assert asked and not [url for url in asked if "identit" in url or "persons.js" in url]
