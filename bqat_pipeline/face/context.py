"""Everything that measures share about one picture, computed once and only when asked for."""

from functools import cached_property

import numpy as np

from bqat_pipeline.face import pose
from bqat_pipeline.face.decode import Picture
from bqat_pipeline.face.detection import Detection
from bqat_pipeline.face.finder import Faces
from bqat_pipeline.face.probe import Header
from bqat_pipeline.face.pyramid import Pyramid


class FaceContext:
    """One picture, its faces and what can be derived from them.

    All coordinates are px of the full-size upright picture; ``img_left`` and ``img_right`` are sides of the picture.

    Attributes
    ----------
    picture : The decoded picture.
    header : What the file's header said; None for an array.
    file_size : Bytes of the file; None for an array.
    pyramid : The picture and its halvings.
    faces : All boxes, and the mesh of the main face.
    """

    def __init__(
        self,
        picture: Picture,
        pyramid: Pyramid,
        faces: Faces,
        header: Header | None = None,
        file_size: int | None = None,
    ) -> None:
        self.picture = picture
        self.pyramid = pyramid
        self.faces = faces
        self.header = header
        self.file_size = file_size

    @property
    def width(self) -> int:
        """Width of the upright picture, px."""
        return self.picture.width

    @property
    def height(self) -> int:
        """Height of the upright picture, px."""
        return self.picture.height

    @property
    def main(self) -> Detection | None:
        """Box of the main face."""
        return self.faces.boxes[0] if self.faces.boxes else None

    @property
    def points(self) -> np.ndarray | None:
        """(478, 3) landmarks of the main face: x, y px, z px, below 0 toward the camera; None without a face."""
        return self.faces.mesh.points if self.faces.mesh else None

    @cached_property
    def pose(self) -> pose.Pose:
        """Pose of the main face; only with landmarks."""
        assert self.points is not None
        return pose.estimate(self.points)
