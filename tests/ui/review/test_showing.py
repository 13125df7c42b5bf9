"""The review page: what is drawn, how many pictures are asked for, and for whom it can be read."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_pictures_shown import detail
from tests.browser import go_offline
from tests.facade import running_facade
from tests.ui.review.page import ROWS, Set, made, page_of


def asks_for_none(review: Set) -> None:
    """Where no picture is shown the page asks for one, and for none after the answer."""
    with page_of(review) as page:
        page.wait_for_selector(".rv-problem:has-text('BQAT_THUMBNAILS')")
        asked: list[str] = []
        page.on("request", lambda request: asked.extend([request.url] if "thumbnail" in request.url else []))
        page.keyboard.press("2")
        page.keyboard.press("PageDown")
        page.wait_for_selector(".rv-gauges")
        assert asked == [] and page.locator(".rv-tile img").count() == 0


@pytest.mark.parametrize("mode", ["none", "blurred"])
def test_the_setting_for_thumbnails_holds_on_cards_on_the_comparison_and_in_the_review(
    tmp_path: Path, browser: Any, mode: str
):
    record = made(tmp_path)
    with running_facade(tmp_path, BQAT_THUMBNAILS=mode, BQAT_ASSESS_WORKERS=0) as facade:
        page = browser.new_page()
        pictures: list[Any] = []  # answers of the page that is open
        shown: list[bytes] = []

        def keep(answer: Any) -> None:
            if answer.ok and answer.headers.get("content-type", "").startswith("image/"):
                pictures.append(answer)

        def take() -> None:
            """Read them before the page is left: a browser forgets what it received for the one before."""
            shown.extend(answer.body() for answer in pictures)
            pictures.clear()

        page.on("response", keep)
        page.goto(facade.address)
        page.get_by_role("article").get_by_role("link", name="Review").wait_for()
        if mode == "blurred":
            page.wait_for_function("() => [...document.querySelectorAll('.faces img')].some((one) => one.naturalWidth)")
        else:
            page.wait_for_selector(".faces", state="detached")
        page.wait_for_load_state("networkidle")
        take()
        page.goto(f"{facade.address}/compare?a={record.key}&b={record.key}")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle")
        take()
        page.close()
        if mode == "none":
            asks_for_none(Set(facade, record, browser))
    assert bool(shown) == (mode == "blurred")
    assert all(detail(content) < 4 for content in shown)


def test_a_long_scroll_shows_rows_all_the_way(review: Set):
    with page_of(review, "?sort=row", viewport={"width": 1280, "height": 800}) as page:
        page.keyboard.press("End")
        page.wait_for_selector(f".rv-tile.focus[data-index='{ROWS - 1}']:not(.empty)")
        page.evaluate("document.querySelector('.rv-grid').scrollTop = 0")
        page.wait_for_selector(".rv-tile[data-index='0']:not(.empty)")
        assert page.locator(".rv-tile").count() < 200  # only what is near the eye exists


def test_pictures_that_were_missed_while_the_server_was_away_appear_when_it_is_back(review: Set):
    with page_of(review, "?filter=status:eq:ok&sort=row", viewport={"width": 1280, "height": 400}) as page:
        page.wait_for_selector(".rv-tile.focus img")
        go_offline(page)
        page.get_by_role("slider").press("End")  # larger tiles show larger pictures, which nobody has fetched yet
        page.wait_for_selector(".rv-tile.focus .rv-picture[data-state=none]")
        for _ in range(3):  # beyond the next one, which was fetched ahead
            page.locator(".rv-tile.focus").press("ArrowRight")
        page.get_by_text("This picture cannot be shown.").wait_for()
        page.get_by_role("alert").filter(has_text="The server does not answer").wait_for()
        page.context.set_offline(False)
        page.wait_for_selector(".rv-tile.focus .rv-picture:not([data-state]) img")
        page.wait_for_selector(".rv-stage img:not(.waiting):not(.rv-preview)")
        page.wait_for_selector(".rv-gauges tr")  # what is known of it is fetched too
        assert page.get_by_role("alert").count() == 0


def test_a_picture_that_is_gone_is_told_from_one_that_is_broken(review: Set):
    with page_of(review, "?sort=row&row=7") as page:  # its name is of a file that is not there
        page.get_by_text("This picture cannot be shown: the picture is not there any more.").wait_for()


def test_requirements_that_change_no_verdict_are_told_from_those_that_do(review: Set):
    facets = review.client.get("facets", params={"histograms": ""}).json()["facets"]
    (values,) = (facet["values"] for facet in facets if facet["name"] == "failed")
    severity = {value["title"]: value["severity"] for value in values}
    with page_of(review) as page:
        failed = page.get_by_role("group", name="Failed requirement")
        failed.get_by_role("button", name="more").click()
        boxes = failed.get_by_role("checkbox").all()
        names = [box.evaluate("box => box.parentElement.querySelector('.rv-text').textContent") for box in boxes]
        told = {name.split(",")[0].split(" · ")[0]: ", recommended" in name for name in names}
        assert told == {title: severity[title] == "recommended" for title in told}
        assert set(told.values()) == {True, False}
        assert failed.get_by_text("not required", exact=True).is_visible()


def test_the_page_says_why_not_more_pictures_pass_and_how_other_rule_sets_judge(review: Set):
    found = review.client.get("scorecard").json()
    assert len(found["why"]["costs"]) == 2 and found["why"]["sentences"]
    with page_of(review) as page:
        why = page.get_by_role("region", name="Why pictures do not pass")
        why.wait_for()
        assert why.locator("p").all_inner_texts() == found["why"]["sentences"]
        others = [one for one in found["rule_sets"] if one["name"] != review.record.requirements]
        buttons = why.get_by_role("button")
        assert [text.split("\n")[-1] for text in buttons.all_inner_texts()] == [
            f"{one['pass']:,} pass" for one in others
        ]
        buttons.first.click()
        page.wait_for_function("name => document.querySelector('#rv-rules').value === name", arg=others[0]["name"])
        expected = review.client.get("scorecard", params={"requirements": others[0]["name"]}).json()["why"]["sentences"]
        page.wait_for_selector(f".rv-why p:has-text({json.dumps(expected[0])})")
        assert why.locator("p").all_inner_texts() == expected


def test_axe_finds_no_serious_fault(review: Set):
    from axe_playwright_python.sync_playwright import Axe

    with page_of(review) as page:

        def serious() -> list[Any]:
            """Faults in every colour scheme and width."""
            found = []
            for scheme, width in (("light", 1440), ("dark", 1440), ("light", 360)):
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                faults = Axe().run(page).response["violations"]
                found += [(scheme, width, f["id"], f["nodes"][0]["target"]) for f in faults if f["impact"] in grave]
            return found

        grave = ("serious", "critical")
        page.keyboard.press("2")
        page.wait_for_selector(".rv-last:has-text('rejected')")
        assert serious() == []
        page.keyboard.press("?")
        page.wait_for_selector(".rv-help[open]")
        assert serious() == []
