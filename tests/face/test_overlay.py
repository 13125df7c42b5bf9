"""The overlay shows the picture with what the engine saw."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.drawing.overlay import overlay_file, render_overlay
from tests.face.conftest import encoded


def test_overlay_is_the_picture_with_marks_and_text(engine: FaceEngine, hopper: np.ndarray) -> None:
    context = engine.context(hopper)
    before = hopper.copy()
    image = render_overlay(hopper, context, [("fail", (255, 0, 0)), ("turn the head", (255, 255, 255))])
    assert image.shape[1] == round(1000 * 512 / 600)
    assert image.shape[0] > 1000
    plain = cv2.resize(hopper, (image.shape[1], 1000), interpolation=cv2.INTER_CUBIC)
    changed = (image[:1000] != plain).any(axis=2).mean()
    assert 0.005 < changed < 0.2
    assert np.array_equal(hopper, before)


def test_overlay_of_a_picture_without_a_face_is_drawn(engine: FaceEngine) -> None:
    image = np.full((120, 90, 3), 99, np.uint8)
    assert render_overlay(image, engine.context(image)).shape[1] == 750


def test_text_below_a_narrow_picture_has_room(engine: FaceEngine) -> None:
    image = np.full((400, 30, 3), 99, np.uint8)
    drawn = render_overlay(image, engine.context(image), [("unquestionably", (255, 255, 255))])
    assert drawn.shape[1] == 320
    assert (drawn[1000:, 75:] > 200).any()  # letters to the right of where the picture ends
    assert not (drawn[1000:, -4:] > 200).any()  # and none cut off


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("pitch 3.1 ± 3.7 deg", "pitch 3.1 +/- 3.7 deg"), ("6° − “Müller”", '6 deg - "Muller"'), ("鼻", "?")],
)
def test_signs_that_the_font_lacks_are_spelled(engine: FaceEngine, text: str, drawn: str) -> None:
    image = np.full((400, 600, 3), 99, np.uint8)
    context = engine.context(image)
    white = (255, 255, 255)
    assert np.array_equal(
        render_overlay(image, context, [(text, white)]), render_overlay(image, context, [(drawn, white)])
    )


def test_overlay_file_is_written_as_its_suffix_says(hopper: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "in.jpg"
    source.write_bytes(encoded(hopper))
    verdict = SimpleNamespace(overall="fail", reasons=("turn the head 6\u00b0 to the image left",))
    for name in ("out.png", "out.jpg"):
        overlay_file(source, tmp_path / name, verdict)
        assert cv2.imread(str(tmp_path / name)) is not None


def test_overlay_of_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.jpg"
    source.write_text("text")
    with pytest.raises(ValueError, match="not a picture"):
        overlay_file(source, tmp_path / "out.png")
