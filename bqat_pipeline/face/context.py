"""What the measures of one picture share, computed once, when it is first needed."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from bqat_pipeline.face import pose, regions
from bqat_pipeline.face.alignment import SIZE, AlignedFrame, align
from bqat_pipeline.face.finder import Faces
from bqat_pipeline.face.geometry import Geometry, moved
from bqat_pipeline.face.head_frame import HeadFrame
from bqat_pipeline.face.landmarks import NOSE_TIP
from bqat_pipeline.face.nets.detection import Detection
from bqat_pipeline.face.nets.segmentation import Segmenter
from bqat_pipeline.face.picture.colour import is_grey, luminance
from bqat_pipeline.face.picture.decode import Picture
from bqat_pipeline.face.picture.probe import Header
from bqat_pipeline.face.picture.pyramid import Pyramid

_MIDDLE = 256  # px, largest side of the middle of the face


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """The landmarked region in the aligned frame, cut to its bounding box.

    Attributes
    ----------
    image : (h, w, 3) uint8.
    grey : (h, w) uint8, gamma-coded grey of ``image``.
    mask : (h, w) uint8, 255 inside the region.
    luminance : (h, w) uint8, linear luminance.
    histogram : (256,) float64, number of pixels of the region with each luminance.
    left, upper : Corner of the bounding box in the aligned frame, px.
    """

    image: np.ndarray
    grey: np.ndarray
    mask: np.ndarray
    luminance: np.ndarray
    histogram: np.ndarray
    left: int
    upper: int

    def cut(self, plane: np.ndarray, zone: tuple[int, int, int, int]) -> np.ndarray:
        """The part of ``image``, ``mask`` or ``luminance`` inside a zone of the aligned frame; zero outside the box.

        Perhaps a view.

        Parameters
        ----------
        plane : (h, w) or (h, w, 3), one of the attributes.
        zone : Left, upper, right, lower edge, px of the aligned frame.
        """
        left, upper, right, lower = zone
        x, y = left - self.left, upper - self.upper
        h, w = plane.shape[:2]
        if x >= 0 and y >= 0 and x + right - left <= w and y + lower - upper <= h:
            return plane[y : y + lower - upper, x : x + right - left]
        out = np.zeros((lower - upper, right - left, *plane.shape[2:]), plane.dtype)
        x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + right - left, w), min(y + lower - upper, h)
        if x0 < x1 and y0 < y1:
            out[y0 - y : y1 - y, x0 - x : x1 - x] = plane[y0:y1, x0:x1]
        return out


@dataclass(frozen=True, slots=True)
class Person:
    """Person segmentation of the part of the picture around the face.

    Attributes
    ----------
    probability : (h, w) float32, 0..1, that a pixel belongs to a person.
    matrix : (2, 3) from px of the picture to px of ``probability``.
    area : Left, upper, right, lower edge of the part, px of the picture.
    """

    probability: np.ndarray
    matrix: np.ndarray
    area: tuple[float, float, float, float]


class FaceContext:
    """One picture, its faces and what can be derived from them.

    All coordinates are px of the full-size upright picture; ``img_left`` and ``img_right`` are sides of the picture.

    Attributes
    ----------
    picture : The decoded picture.
    header : The file's header; None for an array.
    file_size : Bytes of the file; None for an array.
    pyramid : The picture and its copies at half, quarter, ... size.
    faces : All boxes, and the mesh of the main face.
    """

    def __init__(
        self,
        picture: Picture,
        pyramid: Pyramid,
        faces: Faces,
        segmenter: Segmenter | None,
        header: Header | None = None,
        file_size: int | None = None,
    ) -> None:
        self.picture = picture
        self.pyramid = pyramid
        self.faces = faces
        self.header = header
        self.file_size = file_size
        self._segmenter = segmenter

    @property
    def width(self) -> int:
        """Width of the upright picture, px."""
        return self.picture.width

    @property
    def height(self) -> int:
        """Height of the upright picture, px."""
        return self.picture.height

    @property
    def has_landmarks(self) -> bool:
        """Whether the main face has landmarks; without them, ``points`` and what is derived from it raise an error."""
        return self.faces.mesh is not None

    @property
    def has_person(self) -> bool:
        """Whether the person is told from the background; if not, ``person`` and ``background`` raise errors."""
        return self._segmenter is not None

    @property
    def main(self) -> Detection:
        """Box of the main face."""
        return self.faces.boxes[0]

    @cached_property
    def is_grey(self) -> bool:
        """Whether the decoded picture has no colours."""
        return is_grey(self.picture.image)

    @cached_property
    def points(self) -> np.ndarray:
        """(478, 3) float64 landmarks of the main face: x, y, z in px of the picture; z below 0 toward the camera."""
        if self.faces.mesh is None:
            raise ValueError("the picture has no landmarks")
        return self.faces.mesh.points

    def grey(self, left: int, upper: int, right: int, lower: int) -> np.ndarray:
        """(lower - upper, right - left) uint8: gamma-coded grey part of the decoded image; edges in its px."""
        return self.pyramid.grey_part(self.pyramid.base, left, upper, right, lower)

    @cached_property
    def geometry(self) -> Geometry:
        """Derived points and lengths of the main face, px of the picture."""
        return Geometry.of(self.points)

    @cached_property
    def middle(self) -> np.ndarray:
        """(n, n) uint8: green in the middle of the main face, in pixels as decoded, at most 256 a side.

        Green stands for grey where single levels or single pixels count: it is what compression changes least.
        """
        reduction = self.picture.reduction
        height, width = self.picture.image.shape[:2]
        x, y = (self.geometry.eye_midpoint + self.points[NOSE_TIP, :2]) / (2 * reduction)
        side = min(max(round(2 * self.geometry.eye_distance / reduction), 1), _MIDDLE, height, width)
        left, upper = (round(min(max(c - side / 2, 0), n - side)) for c, n in ((float(x), width), (float(y), height)))
        return cv2.extractChannel(self.picture.image[upper : upper + side, left : left + side], 1)

    @cached_property
    def head(self) -> HeadFrame | None:
        """Axes of the main face's head; None when its landmarks have no extent."""
        return HeadFrame.of(self.points, self.geometry)

    @cached_property
    def pose(self) -> pose.Pose:
        """Pose of the main face."""
        return pose.estimate(self.points)

    @cached_property
    def aligned(self) -> AlignedFrame:
        """The main face in the 616 x 616 frame."""
        return align(self.pyramid, self.points, self.geometry)

    @cached_property
    def aligned_geometry(self) -> Geometry:
        """Derived points and lengths of the main face, px of the aligned frame."""
        return Geometry.of(self.aligned.points)

    @cached_property
    def face(self) -> FaceRegion:
        """The landmarked region in the aligned frame."""
        mask, x, y = regions.face_mask(self.aligned)
        if not mask.size:
            mask = np.zeros((1, 1), np.uint8)
        h, w = mask.shape
        image, grey = (
            np.ascontiguousarray(plane[y : y + h, x : x + w]) for plane in (self.aligned.image, self.aligned.grey)
        )
        light = luminance(image)
        histogram = cv2.calcHist([light], [0], mask, [256], [0, 256]).ravel().astype(np.float64)
        return FaceRegion(image, grey, mask, light, histogram, x + self.aligned.left, y + self.aligned.upper)

    @cached_property
    def cheeks(self) -> regions.CheekZones | None:
        """The cheek zones in the aligned frame; None when one leaves it."""
        return regions.cheek_zones(self.aligned_geometry)

    @cached_property
    def person(self) -> Person:
        """Person segmentation of the part of the picture that the aligned frame shows."""
        if self._segmenter is None:
            raise ValueError("the person is not told from the background")
        inverse = cv2.invertAffineTransform(self.aligned.matrix)
        x, y = zip(*moved(inverse, ((0, 0), (SIZE, 0), (SIZE, SIZE), (0, SIZE))), strict=True)
        left, upper = min(max(min(x), 0.0), self.width - 2.0), min(max(min(y), 0.0), self.height - 2.0)
        right, lower = min(max(max(x), left + 2), float(self.width)), min(max(max(y), upper + 2), float(self.height))
        area = (left, upper, right, lower)
        probability, matrix = self._segmenter.person(self.pyramid, area)
        return Person(probability, matrix, area)

    @cached_property
    def background(self) -> tuple[np.ndarray, np.ndarray]:
        """(h, w, 3) part of the picture around the background crop, and its (h, w) mask, 255 in the background.

        At the scale of the reduced background crop (354 x 292 px when the head is not tilted), but not rotated like
        it: the measures of the background do not depend on the rotation, which would more than double the cost.
        """
        image, to_image = self._background_part
        size = (image.shape[1], image.shape[0])
        mask = regions.background_mask(self.person.probability, self.person.matrix, to_image, self._to_crop, size)
        return image, mask

    @cached_property
    def background_light(self) -> np.ndarray:
        """(h, w) uint8 linear luminance of the image in ``background``."""
        return luminance(self.background[0])

    @property
    def to_background(self) -> np.ndarray:
        """(2, 3) from px of the picture to px of the image in ``background``."""
        return self._background_part[1]

    @cached_property
    def _background_part(self) -> tuple[np.ndarray, np.ndarray]:
        area, size = regions.background_area(self._to_crop, (self.width, self.height))
        return self.pyramid.cut(area, size, self.pyramid.base)

    @cached_property
    def _to_crop(self) -> np.ndarray:
        return regions.to_background(self.aligned)
