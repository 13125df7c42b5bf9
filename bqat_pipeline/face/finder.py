"""All faces of a picture, the main one with its landmarks.

Two detector nets propose boxes and the mesh net confirms them: its face flag separates faces from other things far
better than a box score does. Thresholds were chosen on 389 labelled pictures and 70 altered copies of them
(docs/measures.md). When no face is certain, the search is repeated in tiles, with a margin around the picture, and on
turned pictures; that costs several times as much, and few pictures need it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import ceil

import cv2
import numpy as np

from bqat_pipeline.face.nets.detection import FULL_RANGE_SIZE, Detection, Detector, merge
from bqat_pipeline.face.nets.mesh import Mesh, MeshNet, Roi
from bqat_pipeline.face.options import EngineOptions
from bqat_pipeline.face.picture.pyramid import Pyramid
from bqat_pipeline.face.second_opinion import HUMAN, SURE_FLAG, SURE_SCORE, SecondOpinion

_STRONG = 0.7  # score from which a box counts as a face without landmarks, unless `confidence` asks for more
_FLOOR = 0.5  # share of the `confidence` option below which a box is ignored
_HINT = 0.15  # score of a second short-range box from which there may be a second face
_SMALL = 0.25  # the full-range net runs as well when the best box is smaller than this share of the short side
_CONFIRMED = 0.9  # face flag from which the mesh confirms a weak box
_PLAUSIBLE = 0.5  # face flag from which landmarks of a strong box are used
_GROUP = 0.2  # several faces, all smaller than this share of the long side, are a group: search again in tiles
_ALONE = 0.8  # share of the `confidence` option that the best box must reach; weaker ones count only beside it
_TILE = 300  # px of the long side for each tile in a row
_TILES = 3  # most tiles in a row
_GROUP_TILES = 6  # most tiles in a row for a group
_SHARE_OF_TILE = 0.2  # share of a tile that the largest face of a group should fill
_PANORAMA = 3.0  # aspect ratio from which tiles are squares of the short side
_PANORAMA_TILES = 12  # most tiles in a panorama, about
_TILE_OVERLAP = 1.25  # length of a tile divided by the distance between the starts of two tiles
_DOUBT = 0.86  # best score below which the picture may be upside down: most upright faces score higher
_SIDEWAYS_DOUBT = 0.78  # the same for a picture that lies on its side
_TURN_GAIN = 0.05  # by how much the turned picture's best score must be higher
_PADDING = 0.15  # of the long side: room around a face that the picture's edge cuts
_FEW = 4  # boxes up to which strong ones beside the main face count without landmarks
_MAX_FACES = 100
_SMALLEST = 16  # px of the picture's short side below which no face can be recognised as one

# From a number of clockwise quarter turns to the boxes found after them, in px of the picture before turning.
Turned = Callable[[int], list[Detection]]


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces of a picture.

    Attributes
    ----------
    boxes : Box of each face, in descending order of area x centrality x score; the first is the main face.
    mesh : Landmarks of the main face; None when there is no face or no plausible landmarks.
    turned : Clockwise quarter turns, 0..3, after which the main face was found: 2 means upside down.
    human : Probability, 0..1, that the main face is a human one; None without landmarks.
    """

    boxes: tuple[Detection, ...]
    mesh: Mesh | None
    turned: int = 0
    human: float | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the main face is probably not human; then no other face in the picture is human either."""
        return self.human is not None and self.human < HUMAN


class FaceFinder:
    """Short-range, full-range and mesh net, loaded once."""

    def __init__(self, options: EngineOptions) -> None:
        self._confidence = options.confidence
        self._strong = max(options.confidence, _STRONG)
        self._floor = _FLOOR * options.confidence
        self._short = Detector.short_range()
        self._full = Detector.full_range()
        self._mesh = MeshNet()
        self._second_opinion = SecondOpinion(self._short, self._full, self._mesh)

    def find(self, pyramid: Pyramid) -> Faces:
        """All faces of the picture; px of the picture."""
        if min(pyramid.width, pyramid.height) < _SMALLEST:
            return Faces((), None)
        return self._human_first(pyramid, self._found(pyramid))

    def _found(self, pyramid: Pyramid) -> Faces:
        """All boxes that look like a face, human or not."""
        in_turn = cache(self._turner(pyramid))  # two searches turn the picture: detect once per direction
        boxes, turned = self._upright_boxes(pyramid, in_turn)
        enough = self._confidence * (1.0 if turned else _ALONE)
        faces = self._confirm(pyramid, boxes, 0.0 if _may_be_group(boxes, pyramid) else enough)
        if _is_group(faces, pyramid):
            faces = self._whole_group(pyramid, faces)
        if _is_sure(faces, enough):
            return replace(faces, turned=turned)
        return self._search_harder(pyramid, faces, in_turn)

    def _human_first(self, pyramid: Pyramid, faces: Faces) -> Faces:
        """Faces with the first human one as the main face, without those that are probably not human.

        When no face is human, only the main one is kept.
        """
        if faces.mesh is None:
            return faces
        main, others = replace(faces, human=self._human(pyramid, faces.boxes[0], faces.mesh)), faces.boxes[1:]
        if main.doubtful:
            found = self._first_human(pyramid, others[:_FEW])
            if found is None:
                return replace(main, boxes=faces.boxes[:1])
            box, mesh, human = found
            main, others = replace(faces, mesh=mesh, human=human), others[others.index(box) + 1 :]
            faces = replace(main, boxes=(box, *others))
        human_boxes = [box for place, box in enumerate(others) if place >= _FEW or self._is_human(pyramid, box)]
        return replace(main, boxes=(faces.boxes[0], *human_boxes))

    def _first_human(self, pyramid: Pyramid, boxes: tuple[Detection, ...]) -> tuple[Detection, Mesh, float] | None:
        for box in boxes:
            mesh = self._mesh.fit(pyramid, Roi.of(box))
            if mesh.flag >= _CONFIRMED and (human := self._human(pyramid, box, mesh)) >= HUMAN:
                return box, mesh, human
        return None

    def _is_human(self, pyramid: Pyramid, box: Detection) -> bool:
        """Whether a face beside the main one is probably human."""
        if box.score >= SURE_SCORE:
            return True
        mesh = self._mesh.fit(pyramid, Roi.of(box))
        # Without plausible landmarks (a profile) the region is that of the box.
        region = Roi.around(mesh.points) if mesh.flag >= _PLAUSIBLE else Roi.of(box)
        return self._second_opinion.human(pyramid, region) >= HUMAN

    def _human(self, pyramid: Pyramid, box: Detection, mesh: Mesh) -> float:
        """Probability, 0..1, that landmarks lie on a human face; 1 when box score and face flag are high enough."""
        if box.score >= SURE_SCORE and mesh.flag >= SURE_FLAG:
            return 1.0
        return self._second_opinion.human(pyramid, Roi.around(mesh.points))

    def _upright_boxes(self, pyramid: Pyramid, in_turn: Turned) -> tuple[list[Detection], int]:
        """Boxes, and the clockwise quarter turns after which they were found.

        The net also detects an upside-down face, with a lower score and with misplaced key points.
        """
        boxes = self._boxes(pyramid)
        best, turned = (boxes[0].score, 0) if boxes else (0.0, 0)
        if self._floor <= best < _DOUBT:
            for turns in (2,) if best >= _SIDEWAYS_DOUBT else (2, 1, 3):
                found = in_turn(turns)
                if found and found[0].score > best + _TURN_GAIN:
                    boxes, best, turned = found, found[0].score, turns
        return boxes, turned

    def _boxes(self, pyramid: Pyramid) -> list[Detection]:
        short = self._short.detect(pyramid, min(_HINT, self._floor))
        best = short[0] if short else None
        enough = (
            best is not None
            and best.score >= self._strong
            and best.height >= _SMALL * min(pyramid.width, pyramid.height)
            and len(short) == 1
        )
        full = [] if enough else self._full.detect(pyramid, self._floor)
        return [b for b in merge(short, full) if b.score >= self._floor]

    def _confirm(self, pyramid: Pyramid, boxes: list[Detection], enough: float = 0.0) -> Faces:
        """The boxes that the mesh net confirms as faces, and the landmarks of the main one.

        None when no box has a score of ``enough``: they would not be sure, whatever the mesh net says.
        """
        if all(box.score < enough for box in boxes):
            return Faces((), None)
        main: Mesh | None = None
        accepted: list[Detection] = []
        doubtful: list[Detection] = []
        for box in ranked(boxes, pyramid)[:_MAX_FACES]:
            strong = box.score >= self._strong
            if main is not None and strong and len(boxes) <= _FEW:
                accepted.append(box)
                continue
            mesh = self._mesh.fit(pyramid, Roi.of(box))
            if strong and mesh.flag < _CONFIRMED:
                mesh = self._fit_again(pyramid, mesh)
            if mesh.flag < (_PLAUSIBLE if strong else _CONFIRMED):
                if strong:
                    doubtful.append(box)
                continue
            accepted.append(box)
            main = main or mesh
        # A strong box without landmarks (a profile, a masked face) counts only when no box was confirmed.
        return Faces(tuple(accepted or doubtful), main)

    def _fit_again(self, pyramid: Pyramid, mesh: Mesh) -> Mesh:
        """The mesh fitted again around its own landmarks, if that has a higher face flag; else the mesh as it was.

        It helps when the box was misplaced or the pose is extreme.
        """
        again = self._mesh.fit(pyramid, Roi.around(mesh.points))
        return again if again.flag > mesh.flag else mesh

    def _search_harder(self, pyramid: Pyramid, faces: Faces, in_turn: Turned) -> Faces:
        """Small, cut off, sideways or upside-down faces; else the strong boxes without landmarks, if any."""
        boxes = self._in_tiles(pyramid, _TILES)
        least = _ALONE if _may_be_group(boxes, pyramid) else 1.0
        found = self._confirm(pyramid, boxes, least * self._confidence)
        if _is_group(found, pyramid) and _is_sure(found, _ALONE * self._confidence):
            return self._whole_group(pyramid, found)
        if _is_sure(found, self._confidence):
            return found
        found = self._confirm(pyramid, self._padded(pyramid), self._confidence)
        if _is_sure(found, self._confidence):
            return found
        for turned in (2, 1, 3):
            found = self._confirm(pyramid, in_turn(turned), self._confidence)
            if _is_sure(found, self._confidence):
                return replace(found, turned=turned)
        return replace(faces, mesh=None, boxes=tuple(b for b in faces.boxes if b.score >= self._strong))

    def _whole_group(self, pyramid: Pyramid, faces: Faces) -> Faces:
        """The faces of a group after a second search in tiles that suit their size."""
        share = max(b.width for b in faces.boxes) / max(pyramid.width, pyramid.height)
        most = min(_GROUP_TILES, max(_TILES, ceil(_SHARE_OF_TILE / share)))
        return self._confirm(pyramid, merge(list(faces.boxes), self._in_tiles(pyramid, most)))

    def _in_tiles(self, pyramid: Pyramid, most: int) -> list[Detection]:
        """Boxes of the full-range net in overlapping tiles, at most ``most`` in a row; none in small pictures."""
        long, short = max(pyramid.width, pyramid.height), min(pyramid.width, pyramid.height)
        side = _TILE_OVERLAP * long / max(1, min(most, round(long / _TILE)))
        if long > _PANORAMA * short:
            side = max(short, long / _PANORAMA_TILES)
        if side >= long:
            return []
        number = pyramid.above(min(1.0, 2 * FULL_RANGE_SIZE / side))
        image, size = pyramid.level(number), 2.0**number
        height, width = (min(n, int(side / size) + 1) for n in image.shape[:2])
        boxes: list[Detection] = []
        for y in _starts(image.shape[0], height):
            for x in _starts(image.shape[1], width):
                found = self._full.detect_in(image[y : y + height, x : x + width], self._floor, size)
                boxes = merge(boxes, [b.moved(x * size, y * size) for b in found])
        return boxes

    def _padded(self, pyramid: Pyramid) -> list[Detection]:
        """Boxes of the full-range net in the picture with its edge pixels repeated outwards."""
        number = pyramid.above(2 * FULL_RANGE_SIZE / max(pyramid.width, pyramid.height))
        level = pyramid.level(number)
        pad = int(_PADDING * max(level.shape[:2]))
        image = cv2.copyMakeBorder(level, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        found = self._full.detect_in(image, self._floor, 2.0**number)
        return [b.moved(-pad * 2.0**number, -pad * 2.0**number) for b in found]

    def _turner(self, pyramid: Pyramid) -> Turned:
        """Detection in the turned picture, which is reduced to the size of each net only once and then turned."""
        number = pyramid.above(2 * FULL_RANGE_SIZE / max(pyramid.width, pyramid.height))
        level = pyramid.level(number)
        long = max(level.shape[:2])

        @cache
        def reduced(detector: Detector) -> np.ndarray:
            return detector.reduced(level)

        def detect(turns: int) -> list[Detection]:
            boxes = []
            for detector in (self._short, self._full):
                small = np.ascontiguousarray(np.rot90(reduced(detector), -turns))
                scale = 2.0**number * long / max(small.shape[:2])
                boxes.append(detector.detect_in(small, self._floor, scale))
            height, width = (n * 2.0**number for n in (level.shape[:2] if turns == 2 else level.shape[1::-1]))
            return [b.turned_back(turns, width, height) for b in merge(*boxes)]

        return detect


def ranked(boxes: list[Detection], pyramid: Pyramid) -> list[Detection]:
    """Boxes by area x centrality x score, the main face first.

    Centrality falls from 1 at the picture's centre to 0.5 at its corners.
    """
    half_diagonal = float(np.hypot(pyramid.width, pyramid.height)) / 2

    def weight(box: Detection) -> float:
        x, y = box.centre
        distance = float(np.hypot(x - pyramid.width / 2, y - pyramid.height / 2)) / half_diagonal
        return box.area * (1 - 0.5 * min(1.0, distance)) * box.score

    return sorted(boxes, key=weight, reverse=True)


def _starts(length: int, size: int) -> list[int]:
    """Where tiles of a size begin so that they cover a length and overlap by a fifth or more."""
    count = 1 + max(0, ceil((length - size) / (size / _TILE_OVERLAP)))
    return [round(v) for v in np.linspace(0, max(0, length - size), count)]


def _is_group(faces: Faces, pyramid: Pyramid) -> bool:
    if len(faces.boxes) < 2:
        return False
    return max(b.width for b in faces.boxes) < _GROUP * max(pyramid.width, pyramid.height)


def _may_be_group(boxes: list[Detection], pyramid: Pyramid) -> bool:
    """Whether boxes could be a group when the mesh net confirms them."""
    return sum(b.width < _GROUP * max(pyramid.width, pyramid.height) for b in boxes) >= 2


def _is_sure(faces: Faces, score: float) -> bool:
    return faces.mesh is not None and max(b.score for b in faces.boxes) >= score
