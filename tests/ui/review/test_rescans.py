"""The review page when the data set is scanned again meanwhile."""

from pathlib import Path

import pyarrow as pa

from tests.processes import eventually
from tests.report import synthetic
from tests.ui.review.page import ROWS, Set, focused, page_of, store_in


def test_a_rescan_moves_a_decision_with_the_bytes(review: Set, folder: Path):
    with page_of(review, "?sort=row&row=20") as page:
        page.wait_for_selector(".rv-tile.focus[data-index='20']")
        name = focused(page).partition(",")[0]
        table = synthetic.profiles(ROWS).slice(10)
        place = table.schema.get_field_index("row")
        table = table.set_column(place, synthetic.SCHEMA.field("row"), pa.array(range(ROWS - 10)))
        synthetic.publish(store_in(folder), review.record, [table], "g2", "g1")
        page.keyboard.press("2")
        eventually(lambda: len(review.decisions()) == 1, 10, "the decision")
        (item,) = review.client.get("decisions").json()["items"]
        assert item["row"] == 10 and item["file"].endswith(name) and item["decision"] == "reject"


def test_a_rescan_shows_changed_moved_and_copied_files_as_they_are(review: Set, folder: Path):
    with page_of(review, "?sort=row") as page:
        for key in "222":  # rows 0 to 2
            page.keyboard.press(key)
        eventually(lambda: len(review.decisions()) == 3, 10, "three decisions")
        table = synthetic.profiles(ROWS)
        files, hashes = table["file"].to_pylist(), table["sha256"].to_pylist()
        changed, files[1], files[5], hashes[5] = files[0], "data/faces/moved.jpg", "data/faces/copy.jpg", hashes[2]
        hashes[0] = "f" * 64
        for name, values in (("file", files), ("sha256", hashes)):
            table = table.set_column(table.schema.get_field_index(name), synthetic.SCHEMA.field(name), pa.array(values))
        synthetic.publish(store_in(folder), review.record, [table], "g2", "g1")
        page.wait_for_selector(".toast:has-text('scanned again')")
        page.goto(f"{review.page_address}?sort=row&row=0")
        page.wait_for_selector(".rv-note:has-text('before it was rejected')")
        tiles = page.locator(".rv-tile")
        assert tiles.nth(0).get_attribute("data-decision") == "" and "changed" in tiles.nth(0).inner_text()
        assert changed.rpartition("/")[2] in (tiles.nth(0).get_attribute("aria-label") or "")
        assert [tiles.nth(row).get_attribute("data-decision") for row in (1, 2)] == ["reject", "reject"]
        assert "moved.jpg, " in (tiles.nth(1).get_attribute("aria-label") or "")
        # the copy has a name of its own and nobody decided on it
        assert tiles.nth(5).get_attribute("data-decision") == ""
