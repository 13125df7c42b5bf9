"""Which copy is suggested to be kept, and the words for it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.duplicates.test_duplicates import HASHES, SHAS, flipped, found, row


def copies(*facts: dict) -> list[dict]:
    """Rows of near copies of one picture."""
    return [row(i, SHAS[i], flipped(HASHES[0], 200 + i)) | own for i, own in enumerate(facts)]


def face(eyes: float, detail: float, **more: object) -> dict:
    """A face with the eyes so many px apart, and so many px needed for what it shows."""
    size = {"image_width": round(3 * eyes), "image_height": round(4 * eyes), "file_size": round(1000 * eyes)}
    own = {"aux_eye_distance": float(eyes), "aux_effective_eye_distance": float(detail), "captured_at": None}
    return own | size | more


MORNING, NOON, EVENING = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (8, 12, 20))


@pytest.mark.parametrize(
    ("facts", "kept", "words", "of_others"),
    [
        # an enlarged copy has more px, a larger file, a better verdict for its size, even a little more "detail"
        (
            [face(160, 84, verdict="pass"), face(80, 80, verdict="fail")],
            1,
            "it is not enlarged; a larger copy shows no more detail",
            "enlarged, without more detail",
        ),
        # a sharp picture that was enlarged seems to need its size; its edges per face have become fewer
        ([face(160, 158, sharpness=30.0), face(80, 80, sharpness=300.0)], 1, "it is not enlarged", "enlarged"),
        ([face(160, 150, sharpness=160.0), face(80, 78, sharpness=300.0)], 0, "it shows the most detail (150", "less detail"),
        # beside a half-size copy: darker, so that all edges are weaker, and no enlargement
        (
            [
                face(160, 150, sharpness=60.0, iso_luminance_variance=0.002),
                face(80, 78, sharpness=300.0, iso_luminance_variance=0.019),
            ],
            0,
            "it shows the most detail (150",
            "less detail",
        ),
        # a reduced copy that was sharpened has more edges; the original is less blurred all the same
        (
            [face(160, 158, sharpness=30.0, aux_blur=0.3), face(80, 80, sharpness=300.0, aux_blur=0.5)],
            0,
            "it shows the most detail (158",
            "less detail",
        ),
        (
            [face(160, 158, sharpness=30.0, aux_blur=0.45), face(80, 80, sharpness=300.0, aux_blur=0.5)],
            1,
            "it is not enlarged",
            "enlarged",
        ),
        ([face(80, 80), face(160, 120)], 1, "it shows the most detail (120 px between the eyes, another 80)", "less detail"),
        ([face(160, 120, verdict="fail"), face(80, 80)], 1, "it has the best verdict (pass, another fail)", "a worse verdict"),
        # a copy in which no face was found has no verdict, and is no better than one whose face fails
        (
            [{"status": "no_face", "verdict": "not_assessed", "sharpness": 300.0}, face(80, 80, verdict="fail")],
            1,
            "it has the best verdict (fail, another no face measured)",
            "a worse verdict",
        ),
        # blocks of strong compression are no detail
        ([face(100, 90, aux_jpeg_quality=20.0), face(100, 85, aux_jpeg_quality=95.0)], 1, "it shows the most detail", "less"),
        ([face(100, 80, aux_utility=40.0), face(100, 80, aux_utility=70.0)], 1, "it serves recognition best (70", "of less use"),
        # detail within its error: the file that still says when it was taken, then the earliest
        ([face(100, 82), face(100, 80, captured_at="2026-01-01T08:00:00")], 1, "its file still says when", "without the time"),
        ([face(100, 82, modified=EVENING), face(100, 80, modified=MORNING)], 1, "it is the earliest file", "a later file"),
        # a soft original of a camera is no enlargement of its reduced copy
        ([face(100, 95), face(200, 100, captured_at="2026-01-01T08:00:00")], 1, "its file still says when", "without the time"),
        ([face(100, 80), face(100, 80)], 0, "it is the first of equal copies", ""),
        # without a face: edges of the whole picture
        (
            [{"image_width": 600, "image_height": 800, "sharpness": 20.0}, {"sharpness": 300.0}],
            1,
            "it is not enlarged",
            "enlarged",
        ),
        ([{"image_width": 150, "image_height": 200, "sharpness": 500.0}, {"sharpness": 300.0}], 1, "it shows the most detail", "less"),
    ],
)  # fmt: skip
def test_the_copy_to_keep_and_why(tmp_path: Path, facts: list[dict], kept: int, words: str, of_others: str) -> None:
    _, members = found(copies(*facts), tmp_path)
    assert [members[i]["keeper"] for i in range(len(facts))] == [i == kept for i in range(len(facts))]
    assert members[kept]["why"].startswith(f"Suggested to keep: {words}")
    assert f"A copy of the suggested one{': ' if of_others else ''}{of_others}" in members[1 - kept]["why"]


def test_a_blurred_copy_is_not_called_enlarged_where_it_has_the_size_of_the_suggested_one(tmp_path: Path) -> None:
    _, members = found(copies(face(160, 60), face(160, 160), face(60, 58)), tmp_path)
    assert members[1]["why"].startswith(
        "Suggested to keep: it shows the most detail (160 px between the eyes, another 6"
    )
    assert "A copy of the suggested one: less detail (60 px between the eyes" in members[0]["why"]


def test_detail_that_differs_by_a_pixel_is_no_reason(tmp_path: Path) -> None:
    # against the best of the three, 50 px, the others lie on two sides of a bound
    facts = [
        face(100, 50, aux_utility=20.0, modified=EVENING),
        face(100, 42.0, aux_utility=90.0, modified=MORNING),
        face(100, 41.1, aux_utility=90.0, modified=NOON),
    ]
    _, members = found(copies(*facts), tmp_path)
    assert members[1]["why"] == "Suggested to keep: it serves recognition best (90, another 20 of 100)."
    assert members[2]["why"] == "A copy of the suggested one: a later file."


def test_files_with_the_same_bytes_say_so(tmp_path: Path) -> None:
    other = row(2, SHAS[2], flipped(HASHES[0], 255), verdict="fail")
    rows = [row(0, SHAS[0], HASHES[0]), row(1, SHAS[0], HASHES[0]), other]
    _, members = found(rows, tmp_path)
    assert members[0]["why"] == "Suggested to keep: it has the best verdict (pass, another fail)."
    assert members[1]["why"] == "The same bytes as another copy."
    assert members[2]["why"] == "A copy of the suggested one: a worse verdict."


def test_of_files_with_the_same_bytes_the_earliest_is_kept_and_stands_for_them(tmp_path: Path) -> None:
    same = [row(0, SHAS[0], HASHES[0], modified=EVENING), row(1, SHAS[0], HASHES[0], modified=MORNING)]
    _, members = found(same, tmp_path)
    assert [members[i]["keeper"] for i in (0, 1)] == [False, True]
    assert members[1]["why"] == "Suggested to keep: it is the earliest of files with the same bytes."
    changed = row(2, SHAS[2], flipped(HASHES[0], 255), modified=NOON)  # before the copy, after the original
    _, members = found([*same, changed], tmp_path)
    assert [members[i]["keeper"] for i in range(3)] == [False, True, False]
    assert members[1]["why"] == "Suggested to keep: it is the earliest file."


def test_turning_a_picture_makes_it_no_better_than_its_original(tmp_path: Path) -> None:
    facts = [face(100, 80, aux_utility=94.0, modified=MORNING), face(100, 80, aux_utility=97.0, modified=EVENING)]
    _, members = found(copies(*facts), tmp_path)
    assert members[0]["keeper"] and members[1]["why"] == "A copy of the suggested one: a later file."


def test_the_first_of_two_likes_of_three_is_compared_with_all(tmp_path: Path) -> None:
    facts = [face(200, 80), face(80, 80), face(79, 40)]
    _, members = found(copies(*facts), tmp_path)
    assert [members[i]["keeper"] for i in range(3)] == [False, True, False]


def test_what_is_near_only_to_a_copy_of_another_is_no_group_of_one(tmp_path: Path) -> None:
    kept = row(0, SHAS[0], HASHES[0], verdict="pass")
    between = row(1, SHAS[1], flipped(HASHES[0], *range(200, 212)), verdict="fail")
    end = row(2, SHAS[2], flipped(HASHES[0], *range(200, 224)), verdict="fail")
    summary, members = found([kept, between, end], tmp_path)
    assert set(members) == {0, 1} and members[0]["keeper"] and summary["groups"] == summary["could_be_dropped"] == 1
