"""Registry and measures agree: nothing is computed that is not registered, nothing registered is forgotten."""

import inspect

import numpy as np

from bqat_pipeline.columns import FACE
from bqat_pipeline.face import FaceEngine, measures
from bqat_pipeline.face.picture.identity import phash256
from bqat_pipeline.face.picture.pyramid import Pyramid


def test_every_measured_column_is_registered(engine: FaceEngine, hopper: np.ndarray) -> None:
    values = measures.measure(engine.context(hopper))
    assert [name for name in values if name not in FACE] == []


def test_no_two_families_measure_the_same_column(engine: FaceEngine, hopper: np.ndarray) -> None:
    context = engine.context(hopper)
    names = [
        n for f in (*measures.OF_PICTURE, *measures.OF_BOX, *measures.OF_FACE, *measures.OF_PERSON) for n in f(context)
    ]
    assert len(names) == len(set(names))


def test_every_own_and_computable_column_is_measured(engine: FaceEngine, hopper: np.ndarray) -> None:
    measured = set(measures.measure(engine.context(hopper)))
    registered = {c.name for c in FACE.group("aux", "bqat", "iso") if c.method != "not_computable"}
    assert registered - measured == set()


def test_families_are_functions_of_the_context_only() -> None:
    for family in (*measures.OF_PICTURE, *measures.OF_BOX, *measures.OF_FACE, *measures.OF_PERSON):
        assert list(inspect.signature(family).parameters) == ["context"]


def test_perceptual_hash_is_close_for_copies_and_far_for_other_people(
    hopper: np.ndarray, astronaut: np.ndarray
) -> None:
    def hash_of(image: np.ndarray) -> int:
        image = np.ascontiguousarray(image)
        return int(phash256(Pyramid(image, image.shape[1::-1])), 16)

    import cv2

    first = hash_of(hopper)
    copies = (
        cv2.resize(hopper, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        np.clip(hopper.astype(int) + 20, 0, 255).astype(np.uint8),
        cv2.imdecode(cv2.imencode(".jpg", hopper, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR),
    )
    assert all((first ^ hash_of(copy)).bit_count() <= 16 for copy in copies)
    assert (first ^ hash_of(astronaut)).bit_count() > 50
    assert hash_of(np.full((80, 90, 3), 7, np.uint8)) == hash_of(np.full((300, 200, 3), 7, np.uint8))
