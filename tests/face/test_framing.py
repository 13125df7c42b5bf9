"""Whether the whole head is in the picture: drawn people whose answer is known, and portraits that were cut."""

from collections.abc import Callable

import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext, Person
from bqat_pipeline.face.measures import framing
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from bqat_pipeline.requirements.crop import cropped, plan_crop
from tests.face.conftest import canonical_points

Make = Callable[..., FaceContext]
ICAO = load_rule_set("icao-tr-portrait")
EYES = 113.0  # px between the eyes of the drawn face


@pytest.fixture
def head_in(face_in: Make) -> Callable[..., FaceContext]:
    """A face whose person is an ellipse around the head (and no shoulders), with the eyes at a place of the picture."""

    def make(eyes: tuple[float, float], size: tuple[int, int] = (616, 616), crown: float = 1.0) -> FaceContext:
        context = face_in(np.full((size[1], size[0], 3), 200, np.uint8), canonical_points(EYES, eyes))
        g, points = context.geometry, context.points
        wide = float(points[454, 0] - points[234, 0])
        y, x = np.mgrid[: size[1], : size[0]]
        top, bottom = g.eye_midpoint[1] - crown * g.length, g.chin[1]
        inside = ((x - eyes[0]) / (wide / 2)) ** 2 + ((y - (top + bottom) / 2) / ((bottom - top) / 2)) ** 2 < 1
        area = (0.0, 0.0, float(size[0]), float(size[1]))
        context.__dict__["person"] = Person(inside.astype(np.float32), np.eye(2, 3), area)
        return context

    return make


def test_a_whole_head_is_not_cut(head_in: Make) -> None:
    row = framing.measure(head_in((308, 300)))
    assert row["aux_crown_cut"] == 0
    assert row["aux_side_room"] > 0.5 and row["aux_chin_room"] > 0.3  # type: ignore[operator]


@pytest.mark.parametrize("depth", [0.05, 0.1, 0.2])
def test_the_cut_is_the_chord_of_the_ellipse(head_in: Make, depth: float) -> None:
    length = head_in((308, 300)).geometry.length
    context = head_in((308, length * (1 - 2 * depth)))  # this share of the head's 2 T is above the picture
    chord = 2 * np.sqrt(depth * (1 - depth))
    assert framing.measure(context)["aux_crown_cut"] == pytest.approx(chord, abs=0.02)


def test_hair_far_above_the_crown_may_leave_the_picture(head_in: Make) -> None:
    length = head_in((308, 300)).geometry.length
    assert framing.measure(head_in((308, 1.25 * length), crown=1.6))["aux_crown_cut"] == 0
    nearer = framing.measure(head_in((308, 1.1 * length), crown=1.6))["aux_crown_cut"]
    assert 0 < nearer < framing.measure(head_in((308, length), crown=1.6))["aux_crown_cut"]  # type: ignore[operator]


def test_room_beside_the_head_and_below_the_chin_in_their_units(head_in: Make) -> None:
    g = head_in((308, 300)).geometry
    below = framing.measure(head_in((308, 616 - 0.5 - 1.25 * g.length)))["aux_chin_room"]
    assert below == pytest.approx(0.25, abs=0.01)
    beside = framing.measure(head_in((0, 300)))["aux_side_room"]
    assert beside == pytest.approx(-0.5, abs=0.02)


def cut(image: np.ndarray, context: FaceContext, top: float, chin: float, beside: float) -> np.ndarray:
    """A portrait cut at distances from the eyes (up), from the chin (down; both in T) and from the face (head widths)."""
    g = context.geometry
    frame = context.head
    assert frame is not None
    left = frame.sides[0][0] - beside * frame.width
    upper, lower = g.eye_midpoint[1] - top * g.length, g.chin[1] + chin * g.length
    return np.ascontiguousarray(image[max(round(upper), 0) : round(lower), max(round(left), 0) :])


@pytest.mark.parametrize(
    ("top", "chin", "beside", "name", "sentence"),
    [
        (0.8, 0.5, 0.5, "head_cut_top", "The head is cut off at the top"),
        (0.6, 0.5, 0.5, "head_cut_top", "The head is cut off at the top"),
        (9, -0.15, 0.5, "head_cut_chin", "The head is cut off at the chin"),
        (9, 0.5, -0.15, "head_cut_side", "The head is cut off at a side"),
    ],
)
def test_a_portrait_that_cuts_the_head_never_passes_and_says_so(
    engine: FaceEngine, portrait: np.ndarray, top: float, chin: float, beside: float, name: str, sentence: str
) -> None:
    context = engine.context(portrait)
    row = engine.analyse(cut(portrait, context, top, chin, beside))
    verdict = evaluate_row(ICAO, row)
    assert verdict.results[name] in ("fail", "borderline")
    assert verdict.overall != "pass"
    reason = next(reason for reason in verdict.reasons if reason.startswith(sentence))
    # what is named beside the value is what was measured
    measured = {"head_cut_side": "(room beside the head ", "head_cut_chin": "(room below the chin "}
    assert measured.get(name, "(head cut off at the top ") in reason
    assert not [r for r in verdict.reasons if "closer" in r or "crop" in r.lower()]
    waiting = [r for r in verdict.reasons if "mend this first" in r]
    assert all(f"{sentence[0].lower()}{sentence[1:]}" in r for r in waiting)


def test_no_crop_is_proposed_for_a_head_that_is_cut_off(engine: FaceEngine, astronaut: np.ndarray) -> None:
    row = engine.analyse(cut(astronaut, engine.context(astronaut), 0.6, 1.5, 2.0))
    plan = plan_crop(ICAO, row, (row["image_width"], row["image_height"]))
    assert plan.crop is None
    assert plan.reason == "No crop: the head is cut off at the top; only another picture helps."


def test_whole_portraits_are_not_called_cut(engine: FaceEngine, portrait: np.ndarray) -> None:
    results = evaluate_row(ICAO, engine.analyse(portrait)).results
    assert {results[f"head_cut_{where}"] for where in ("top", "side", "chin")} == {"pass"}


@pytest.mark.parametrize(
    ("turned", "name", "start"),
    [
        (1, "on_its_side", "The picture lies on its side: turn it a quarter to the right (clockwise)"),
        (2, "upside_down", "The picture is upside down: turn it by half a turn"),
        (3, "on_its_side", "The picture lies on its side: turn it a quarter to the left (anti-clockwise)"),
    ],
)
@pytest.mark.parametrize("rules", ["icao-tr-portrait", "bsi-tr-03121", "enrolment-relaxed"])
def test_a_turned_picture_is_told_how_to_turn_it(
    engine: FaceEngine, portrait: np.ndarray, turned: int, name: str, start: str, rules: str
) -> None:
    row = engine.analyse(np.ascontiguousarray(np.rot90(portrait, turned)))  # anti-clockwise
    verdict = evaluate_row(load_rule_set(rules), row)
    assert row["warnings"] == [name]
    assert verdict.results[name] == "fail"
    assert verdict.reasons[0].startswith(start)
    assert not [r for r in verdict.reasons if r.startswith(("Tilt", "Move", "Crop", "Leave"))]


@pytest.mark.parametrize(
    ("roll", "upside_down", "quarter"),
    [
        (0, False, 0),
        (-44, False, 0),
        (46, False, 1),
        (-90, False, -1),
        (134, False, 1),
        (-136, True, 0),
        (180, True, 0),
    ],
)
def test_turns_of_a_roll(roll: float, upside_down: bool, quarter: int) -> None:
    assert framing.turns(roll) == framing.Turns(upside_down, quarter)


def test_the_crop_of_a_turned_picture_is_upright(engine: FaceEngine, hopper: np.ndarray) -> None:
    larger = np.ascontiguousarray(np.rot90(np.repeat(np.repeat(hopper, 2, 0), 2, 1)))
    row = engine.analyse(larger)
    size = (row["image_width"], row["image_height"])
    plan = plan_crop(ICAO, row, size)
    assert plan.crop is not None, plan.reason
    assert abs(plan.crop.angle) == pytest.approx(90, abs=8)
    results = evaluate_row(ICAO, cropped(row, size, plan.crop)).results
    assert results["on_its_side"] == "pass"
