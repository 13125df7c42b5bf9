"""Copies of a portrait whose head is tilted by a known angle, through a head in three dimensions.

The landmarks give the place of each point of the face, the reference face in the measured pose its depth (not the net's own
depth, which is what is to be tested); around the face the head goes back, and behind it there is a wall. All of it is turned
about the horizontal axis and seen from far away. Good for 20 degrees: what was hidden cannot come into view.
"""

from dataclasses import replace

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.pose import RIGID_VERTICES, RIGID_WEIGHTS, procrustes, reference_face

_SIZE = 560  # side of a copy, px
_ROOM = 1.5  # side of a copy divided by that of the mesh net's square
_GRID = 4  # px between the points whose depth is calculated
# Rings around the contour of the face: size relative to it, and distance behind it in eye distances.
_RINGS = ((1.18, 0.45), (1.45, 0.7))


class TiltedHead:
    """One portrait, cropped and upright, whose head can be tilted.

    Parameters
    ----------
    context : A picture with landmarks, as the engine sees it.
    """

    def __init__(self, context: FaceContext) -> None:
        assert context.faces.mesh is not None
        roi, reduction = context.faces.mesh.roi, context.picture.reduction
        square = replace(roi, x=roi.x / reduction, y=roi.y / reduction, side=roi.side / reduction * _ROOM)
        to_image = square.matrix(_SIZE)
        self._picture = cv2.warpAffine(
            np.ascontiguousarray(context.picture.image),
            to_image,
            (_SIZE, _SIZE),
            flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        to_copy = cv2.invertAffineTransform(to_image)
        face = context.points[:468, :2] / reduction @ to_copy[:, :2].T + to_copy[:, 2]
        depth, eye_distance = self._depth(face, context.points[:468, 2] / reduction * _SIZE / square.side)
        outline = cv2.convexHull(face.astype(np.float32), returnPoints=False).ravel()
        centre = face.mean(axis=0)
        rings = [centre + (face[outline] - centre) * size for size, _ in _RINGS]
        behind = [depth[outline] - back * eye_distance for _, back in _RINGS]
        ends = np.linspace(-0.3 * _SIZE, 1.3 * _SIZE, 9)
        wall = np.array([(x, y) for x in ends for y in ends if {x, y} & {ends[0], ends[-1]}])
        depths = np.concatenate([depth, *behind, np.full(len(wall), min(d.min() for d in behind))])
        weights = RIGID_WEIGHTS / RIGID_WEIGHTS.sum()
        self._pivot = float(weights @ face[RIGID_VERTICES, 1])
        at = np.meshgrid(np.arange(0, _SIZE, _GRID), np.arange(-_SIZE // 4, _SIZE * 5 // 4, _GRID))
        surface = LinearNDInterpolator(np.concatenate([face, *rings, wall]), depths - weights @ depth[RIGID_VERTICES])
        self._x, self._y, self._z = (v.astype(np.float64) for v in (*at, surface(*at)))

    @staticmethod
    def _depth(face: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, float]:
        """(468,) px toward the camera, and the eye distance, px, of the reference face in the pose of these landmarks."""
        fit = procrustes(np.column_stack([face, z]), reference_face(), RIGID_VERTICES, RIGID_WEIGHTS)
        return (reference_face() @ fit.rotation.T)[:, 2] * fit.scale, fit.scale

    def tilted(self, degrees: float) -> np.ndarray:
        """(560, 560, 3) copy that looks down by so many degrees more (ISO/IEC 39794-5 sign)."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        # Points move up and down only: each column is turned by itself; what another part covers is left out.
        turned = np.maximum.accumulate(self._pivot + (self._y - self._pivot) * c + self._z * s, axis=0)
        rows = np.arange(_SIZE, dtype=np.float64)
        columns = zip(turned.T, self._y.T, strict=True)
        source = np.stack([np.interp(rows, new, old) for new, old in columns], axis=1).astype(np.float32)
        x, y = np.meshgrid(np.arange(_SIZE, dtype=np.float32), rows.astype(np.float32))
        source = cv2.remap(source, x / _GRID, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.remap(self._picture, x, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
