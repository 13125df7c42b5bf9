"""Measures of damaged copies, and what is known of each: what fit_utility.py learns from."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.calibration.damage import HARSH, MILD, Copy, Harm, Portrait
from bqat_pipeline.face import EngineOptions, measures
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.finder import Faces
from bqat_pipeline.face.measures import blur, compression_loss
from bqat_pipeline.face.measures.sharpness import effective_eye_distance
from bqat_pipeline.face.nets.detection import Detection
from bqat_pipeline.face.nets.mesh import Mesh, Roi
from bqat_pipeline.face.picture.decode import Picture
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.identity.chip import chip_of
from bqat_pipeline.identity.network import Embedder

_LEAST = 24  # px, eye distance that a picture must hold the detail of
_STABLE = (6.5025, 58.5225)  # of structural similarity: (0.01 * 255)^2, (0.03 * 255)^2


@dataclass
class Sample:
    """A picture as it is, or a damaged copy.

    Attributes
    ----------
    file, person, source : Of the picture.
    done : What was done to it; None for the picture as it is.
    values : Measures by column name.
    template : Of the identity network, (128,) of length 1.
    """

    file: str
    person: str
    source: str
    done: list[str] | None
    values: dict[str, object]
    template: np.ndarray


@dataclass
class Detail:
    """A damaged copy whose blur and loss by compression are known.

    Attributes
    ----------
    file, person, source, done : As for ``Sample``.
    blur : Features of the model, and log2 of the standard deviation of the blur in eye distances; None: not known.
    compression : Features of the model, and the structural similarity on the face; None: not known.
    """

    file: str
    person: str
    source: str
    done: list[str]
    blur: tuple[list[float], float] | None
    compression: tuple[list[float], float] | None

    @classmethod
    def of(cls, label: dict[str, str], copy: Copy) -> "Detail":
        """What is known of a copy, and what is measured in it."""
        context = known_context(copy)
        edges, blocks = blur.features(context), compression_loss.features(context)
        known_blur = known_loss = None
        if edges and "cover" not in copy.done:  # what covers a face is sharp
            known_blur = edges, float(np.log2(copy.blur / context.geometry.eye_distance))
        if blocks:
            left, upper, right, lower = compression_loss.region(context)
            part = np.s_[upper:lower, left:right]
            known_loss = blocks, structural_similarity(copy.before[part], context.picture.image[part])
        return cls(
            label["file"], label["person_id"] or label["file"], label["source"], copy.done, known_blur, known_loss
        )


class Collector:
    """Measures pictures and their copies.

    Parameters
    ----------
    manifest : Columns file (relative to its folder), person_id, source, n_faces, not_a_face.
    model : File of the identity network.
    """

    def __init__(self, manifest: Path, model: Path) -> None:
        self._folder = manifest.parent
        self._analyser = Analyser(EngineOptions())
        self._embedder = Embedder.open(model)
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            self._labels = [
                label
                for label in csv.DictReader(file)
                if label["n_faces"] == "1" and label["not_a_face"] != "1" and not label["file"].startswith("derived/")
            ]

    def pictures(self) -> Iterator[Sample]:
        """The pictures as they are."""
        for label in self._labels:
            context = self._analyser.context(self._folder / label["file"])
            if context.has_landmarks:
                yield self._sample(label, context, None)

    def portraits(self, harm: Harm) -> Iterator[tuple[dict[str, str], Portrait]]:
        """The pictures that are sharp enough to be damaged."""
        for label in self._labels:
            context = self._analyser.context(self._folder / label["file"])
            if context.has_landmarks:
                portrait = Portrait.of(label["file"], context, effective_eye_distance(context) or 0.0, harm)
                if portrait.sharp_eye_distance >= _LEAST:
                    yield label, portrait

    def details(self, count: int) -> Iterator[Detail]:
        """Damaged copies of each picture, for blur and compression."""
        for label, portrait in self.portraits(MILD):
            for number in range(count):
                yield Detail.of(label, portrait.copy(number))

    def copies(self, count: int) -> Iterator[Sample]:
        """Damaged copies of each picture, for utility; those without a face are left out."""
        for label, portrait in self.portraits(HARSH):
            for number in range(count):
                copy = portrait.copy(number)
                context = self._analyser.context(copy.content)
                if context.has_landmarks:
                    yield self._sample(label, context, copy)

    def _sample(self, label: dict[str, str], context: FaceContext, copy: Copy | None) -> Sample:
        template = self._embedder.template(chip_of(context.pyramid, context.points))
        person = label["person_id"] or label["file"]
        done = copy.done if copy else None
        return Sample(label["file"], person, label["source"], done, measures.measure(context), template)


def known_context(copy: Copy) -> FaceContext:
    """A copy with its known landmarks: nothing is looked for, which is faster and works in any copy."""
    image = cv2.imdecode(np.frombuffer(copy.content, np.uint8), cv2.IMREAD_COLOR_RGB)
    height, width = image.shape[:2]
    low, high = copy.points[:, :2].min(axis=0), copy.points[:, :2].max(axis=0)
    box = Detection(*(float(v) for v in (*low, *high)), 0.9, np.zeros((6, 2)))
    faces = Faces((box,), Mesh(copy.points, 1.0, Roi.of(box)))
    return FaceContext(Picture(image, width, height), Pyramid(image, (width, height)), faces, None)


def structural_similarity(before: np.ndarray, after: np.ndarray) -> float:
    """Mean structural similarity of the grey levels of two (h, w, 3) uint8 images, with a Gaussian window of 11 px.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
    """
    a, b = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (before, after))
    mean_a, mean_b = _window(a), _window(b)
    variances = _window(a * a) - mean_a**2 + _window(b * b) - mean_b**2
    common = _window(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _STABLE[0]) / (mean_a**2 + mean_b**2 + _STABLE[0])
    return float((light * (2 * common + _STABLE[1]) / (variances + _STABLE[1])).mean())


def _window(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (11, 11), 1.5)
