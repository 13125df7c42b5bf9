"""Portraits that ship with packages, an engine, and pictures with a drawn-in face of known geometry."""

from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.finder import Faces
from bqat_pipeline.face.nets.detection import Detection
from bqat_pipeline.face.nets.mesh import Mesh, Roi
from bqat_pipeline.face.nets.segmentation import Segmenter
from bqat_pipeline.face.picture.decode import Picture
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.face.pose import reference_face
from bqat_pipeline.requirements import list_rule_sets, load_rule_set
from bqat_pipeline.requirements.recognition import RECOGNITION

# The rule sets of portraits in documents; fitness for recognition asks for less.
PORTRAIT_RULES = [load_rule_set(name) for name in list_rule_sets() if name != RECOGNITION]


@pytest.fixture(scope="session")
def engine() -> FaceEngine:
    """One engine for the whole session: loading the nets takes longer than most tests."""
    return FaceEngine()


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """Eileen Collins, smiling, small face, 512 x 512 px (NASA, public domain)."""
    return np.ascontiguousarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def hopper() -> np.ndarray:
    """Grace Hopper, glasses, 512 x 600 px (US Navy, public domain)."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


@pytest.fixture(scope="session")
def small(hopper: np.ndarray) -> np.ndarray:
    """Grace Hopper at 128 x 150 px."""
    return cv2.resize(hopper, (128, 150), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session", params=["astronaut", "hopper"])
def portrait(request: pytest.FixtureRequest) -> np.ndarray:
    """Each of the portraits."""
    image: np.ndarray = request.getfixturevalue(request.param)
    return image


def encoded(image: np.ndarray, suffix: str = ".jpg", quality: int = 92) -> bytes:
    """Bytes of an RGB picture."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    done, content = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert done
    return content.tobytes()


def canonical_points(scale: float = 113.0, eyes: tuple[float, float] = (307.5, 272.0)) -> np.ndarray:
    """(478, 3) landmarks of the frontal reference face with the eye midpoint at a place, px."""
    reference = reference_face()
    corners = (33, 133, 362, 263)
    middle = reference[list(corners)].mean(axis=0)
    points = np.zeros((478, 3))
    points[:468] = (reference - middle) * (scale, -scale, -scale) + (*eyes, 0.0)
    for iris, (a, b) in ((468, (33, 133)), (473, (362, 263))):
        points[iris : iris + 5] = (points[a] + points[b]) / 2
    return points


@pytest.fixture(scope="session")
def face_in() -> Callable[..., FaceContext]:
    """A function that makes the context of a face with given landmarks in any picture, so that measures are known."""
    segmenter = Segmenter()

    def make(image: np.ndarray, points: np.ndarray | None = None) -> FaceContext:
        points = canonical_points() if points is None else points
        height, width = image.shape[:2]
        low, high = points[:468, :2].min(axis=0), points[:468, :2].max(axis=0)
        box = Detection(*(float(v) for v in (*low, *high)), 0.9, points[[468, 473, 1, 13, 234, 454], :2])
        mesh = Mesh(points, 1.0, Roi.of(box))
        return FaceContext(
            Picture(image, width, height), Pyramid(image, (width, height)), Faces((box,), mesh), segmenter
        )

    return make
