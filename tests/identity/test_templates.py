"""Chips and templates of real faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.identity import chip
from bqat_pipeline.identity.network import Embedder
from bqat_pipeline.sample import portraits

# On the chip: outer and inner corners of both eyes and the base of the nose, px.
PLACES = {263: (111.0, 46.3), 362: (89.6, 47.9), 33: (37.1, 46.4), 133: (58.4, 47.9), 2: (74.0, 87.8)}


@pytest.mark.parametrize("turn", [0, 35, 180])
@pytest.mark.parametrize("size", [0.5, 1.0, 4.0])
def test_eyes_and_nose_come_to_their_places(turn: int, size: float) -> None:
    points = np.zeros((478, 3))
    image = np.zeros((1200, 1200, 3), np.uint8)
    to_picture = cv2.getRotationMatrix2D((75, 75), turn, size)
    to_picture[:, 2] += (500, 500)
    for number, place in PLACES.items():
        points[number, :2] = to_picture @ (*place, 1)
        cv2.circle(image, points[number, :2].round().astype(int).tolist(), max(3, round(2 * size)), (255, 255, 255), -1)
    cut = chip.chip_of(Pyramid(image, (1200, 1200)), points)
    assert cut.shape == (150, 150, 3)
    for x, y in PLACES.values():
        assert cut[round(y), round(x)].min() > 100
    assert (cut > 0).mean() < 0.2


def test_two_pictures_of_a_person_are_close_and_two_persons_are_not(model: Path) -> None:
    engine, embedder = FaceEngine(), Embedder.open(model)
    collins, hopper = (np.ascontiguousarray(portrait[:, :, ::-1]) for portrait in portraits())

    def template(image: np.ndarray) -> np.ndarray:
        context = engine.context(image)
        return embedder.template(chip.chip_of(context.pyramid, context.points))

    of_collins = template(collins)
    for changed in (collins[:, ::-1], collins // 2, cv2.rotate(collins, cv2.ROTATE_90_CLOCKWISE), collins[::2, ::2]):
        assert np.linalg.norm(template(np.ascontiguousarray(changed)) - of_collins) < 0.34
    assert np.linalg.norm(template(hopper) - of_collins) > 0.376  # one false match in a thousand
