"""The review page: decide by key and by mouse, about one, several and all; undo; nothing is lost."""

from pathlib import Path
from typing import Any

from tests.facade import running_facade
from tests.processes import eventually
from tests.ui.review.page import (
    LABEL,
    ROWS,
    Set,
    count,
    counted,
    focused,
    hold,
    made,
    page_of,
    send_held,
    store_in,
    wait_until_held,
)


def test_a_decision_is_stored_and_taken_back_by_keys_alone(review: Set):
    with page_of(review) as page:
        first = focused(page)
        assert first.endswith("undecided")
        page.keyboard.press("2")
        eventually(lambda: list(review.decisions().values()) == ["reject"], 10, "a rejected picture")
        (file,) = review.decisions()
        assert first.startswith(file.rpartition("/")[2])
        assert focused(page) != first and focused(page).endswith("undecided")  # the next one follows by itself
        page.keyboard.press("1")
        eventually(lambda: sorted(review.decisions().values()) == ["keep", "reject"], 10, "two decisions")
        page.keyboard.press("u")
        review.become({file: "reject"})
        page.keyboard.press("u")
        review.become({})
        page.wait_for_function(f"label => ({LABEL})(document.querySelector('.rv')) === label", arg=first)
        page.keyboard.press("Shift+U")
        review.become({file: "reject"})
        page.keyboard.press("0")
        review.become({})


def test_everything_that_matches_is_decided_at_once_and_taken_back_at_once(review: Set):
    with page_of(review, "?filter=verdict:eq:fail") as page:
        failing = count(page)
        page.keyboard.press("a")
        page.click(".rv-selection button:has-text('Reject')")
        page.click(f".toast:has-text('{failing:,} pictures rejected') button")
        eventually(lambda: review.state("reject") == 0 and review.state("undecided") == ROWS, 10, "nothing decided")
        page.keyboard.press("Shift+U")
        eventually(lambda: review.state("reject") == failing, 10, "the failing ones rejected again")
        page.wait_for_selector(".rv-export a:has-text('to take again')")
        with page.expect_download() as saved:
            page.click(".rv-export > a")
        lines = Path(saved.value.path()).read_text().splitlines()
        assert len(lines) == failing + 1 and "file" in lines[0]


def test_a_note_offers_to_take_back_what_it_speaks_of_and_only_while_that_is_the_last(review: Set):
    with page_of(review, "?filter=verdict:eq:fail") as page:
        failing = count(page)
        hold(page, "/decisions$")
        page.keyboard.press("a")
        page.wait_for_selector(".rv-selection")
        page.keyboard.press("2")
        wait_until_held(page)
        page.keyboard.press("1")  # and meanwhile one more picture
        page.wait_for_selector(".rv-last:has-text('kept')")
        send_held(page)
        page.wait_for_selector(f".toast:has-text('{failing:,} pictures rejected')")
        eventually(lambda: review.state("keep") == 1, 10, "both are stored")
        assert not page.locator(".toast button").count(), "it would take back the picture that was kept since"
        page.keyboard.press("u")
        page.keyboard.press("u")
        eventually(lambda: review.state("undecided") == ROWS, 10, "nothing decided")
        page.keyboard.press("a")
        page.keyboard.press("3")
        page.wait_for_selector(".toast button")
        page.keyboard.press("u")
        page.wait_for_selector(".toast button", state="detached")


def test_a_decision_that_is_refused_does_not_stay_on_its_picture(review: Set, folder: Path):
    """Of a data set that was deleted elsewhere there is nothing to fetch that would show it."""
    with page_of(review, "?sort=row") as page:
        page.keyboard.press("1")
        eventually(lambda: len(review.decisions()) == 1, 10, "one picture kept")
        store_in(folder).delete(review.record.key)
        page.keyboard.press("2")
        page.keyboard.press("3")
        page.wait_for_selector(".toast:has-text('Not stored')")
        for decision in ("reject", "unsure"):
            page.wait_for_selector(f".rv-tile[data-decision='{decision}']", state="detached")
        assert page.locator(".rv-tile[data-decision='keep']").count() == 1


def test_marked_pictures_are_decided_together_and_by_mouse_alone(review: Set):
    with page_of(review) as page:
        for number in (1, 3):
            page.hover(f".rv-tile >> nth={number}")
            page.click(f".rv-tile >> nth={number} >> .rv-pick")
        page.click(".rv-selection button:has-text('Unsure')")
        eventually(lambda: list(review.decisions().values()) == ["unsure"] * 2, 10, "two unsure pictures")
        page.click(".rv-tile >> nth=0")
        page.click(".rv-decide button:has-text('Keep')")
        eventually(lambda: sorted(review.decisions().values()) == ["keep", "unsure", "unsure"], 10, "one kept")
        page.click(".rv-footer button:has-text('undo') >> nth=0")
        eventually(lambda: list(review.decisions().values()) == ["unsure"] * 2, 10, "the last one taken back")


def test_decided_pictures_leave_a_view_of_undecided_ones_and_none_is_skipped(review: Set):
    with page_of(review, "?filter=decision:eq:undecided&sort=row") as page:
        for _ in range(12):
            page.keyboard.press("1")
        eventually(lambda: review.state("keep") == 12, 10, "12 kept pictures")
        counted(page, ROWS - 12)
        kept = {item["row"] for item in review.client.get("decisions", params={"limit": 100}).json()["items"]}
        assert kept == set(range(12))
        for left in range(11, -1, -1):
            page.keyboard.press("u")
            eventually(lambda left=left: review.state("keep") == left, 10, f"{left} kept pictures")
        counted(page, ROWS)
        page.wait_for_selector(".rv-tile.focus[data-index='0']")  # row 0, whose decision was undone last


def test_decisions_outlive_a_server_that_is_killed(tmp_path: Path, browser: Any):
    record = made(tmp_path)
    with running_facade(tmp_path, BQAT_ASSESS_WORKERS=0) as facade:
        review = Set(facade, record, browser)
        page = browser.new_page()
        page.goto(f"{review.page_address}?sort=row")
        page.wait_for_selector(".rv-tile.focus[aria-label*=',']")
        facade.process.kill()
        facade.process.wait()
        for number in range(20):
            page.keyboard.press("2" if number % 2 else "1")
        page.wait_for_selector(".rv-unsent:has-text('20 decisions not stored yet')")
    port = int(review.address.rpartition(":")[2])
    with running_facade(tmp_path, port=port, BQAT_ASSESS_WORKERS=0) as facade:
        review = Set(facade, record, browser)
        page.reload()
        eventually(lambda: len(review.decisions()) == 20, 30, "all decisions")
        page.wait_for_selector(".rv-unsent", state="detached")
        rows = {item["row"]: item["decision"] for item in review.client.get("decisions").json()["items"]}
        assert rows == {number: "reject" if number % 2 else "keep" for number in range(20)}
        entries = review.client.get("decisions", params={"history": True, "limit": 100}).json()["items"]
        assert len(entries) == 20  # none twice
        page.close()


def test_two_reviewers_see_what_the_other_decided(review: Set):
    with page_of(review) as one, page_of(review) as other:
        one.click(".rv-who")
        one.fill(".rv-reviewer", "Ada")
        one.press(".rv-reviewer", "Enter")
        name = focused(other)
        one.keyboard.press("2")
        other.wait_for_function(
            f"label => ({LABEL})(document.querySelector('.rv')) === label", arg=name.replace("undecided", "rejected")
        )
        other.wait_for_selector(".rv-history:has-text('Ada')")
