"""A picture with the engine's results drawn over it: boxes, landmarks, regions, crop guides and verdicts."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import cv2
import numpy as np

from bqat_pipeline.face import landmarks as lm
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.drawing.marks import zone_corners
from bqat_pipeline.face.engine import FaceEngine

Colour = tuple[int, int, int]

_SIDE = 1000  # px; smaller pictures are enlarged to this long side, larger ones reduced
_BOX, _OTHER = (60, 170, 255), (255, 170, 60)
_POINT, _IRIS, _REGION, _ZONE, _GUIDE = (
    (255, 255, 255),
    (80, 255, 120),
    (255, 220, 60),
    (255, 120, 200),
    (150, 150, 150),
)
_TEXT, _STRIP = (255, 255, 255), (30, 30, 30)
_VERDICT = {"pass": (110, 190, 255), "borderline": (240, 200, 80), "fail": (255, 130, 90)}
# Meaning of each colour, in the order of the legend.
_FACE_LEGEND = (
    (_BOX, "face"),
    (_OTHER, "other faces"),
    (_POINT, "landmarks"),
    (_REGION, "face region"),
    (_IRIS, "eyes, chin line"),
    (_ZONE, "cheek zones"),
)
_GUIDE_LEGEND = ((_GUIDE, "eyes belong here (39794-5)"),)
_LINE, _CHARACTER, _MARGIN = 22, 10, 8  # px between lines of text, for a character, and beside the text
# Signs of sentences and of rule sets that have no ASCII letter, as they are drawn.
_SPELLED = str.maketrans(
    {"±": "+/-", "°": " deg", "×": "x", "‘": "'", "’": "'", "“": '"', "”": '"'} | dict.fromkeys("‐‑–—−", "-")
)
_NARROWEST = 320  # px; narrower pictures get a strip beside them, so that the text has room
# ISO/IEC 39794-5 position of the eye midpoint: 45 to 55 % of the width, 30 to 50 % of the height.
_GUIDE_X, _GUIDE_Y = (0.45, 0.55), (0.30, 0.50)


def overlay_file(source: Path, target: Path, verdict: Any = None, engine: FaceEngine | None = None) -> None:
    """Write the overlay of a picture file as PNG (or as the target's suffix says).

    Parameters
    ----------
    verdict : Result of ``bqat_pipeline.requirements.evaluate_row``; its overall result and reasons are written below.
    engine : Engine to use; by default a new one is loaded.

    Raises
    ------
    ValueError : when the source cannot be read as a picture, or the target's suffix is not a picture format.
    OSError : when the target cannot be written.
    """
    from bqat_pipeline.face.errors import SourceError

    try:
        context = (engine or FaceEngine()).context(source)
    except SourceError as error:
        raise ValueError(str(error)) from error
    lines: list[tuple[str, Colour]] = []
    if verdict is not None:
        word = str(verdict.overall)
        lines = [(word.replace("_", " ").upper(), _VERDICT.get(word, _TEXT)), *((r, _TEXT) for r in verdict.reasons)]
    image = render_overlay(context.picture.image, context, lines)
    try:
        done, content = cv2.imencode(target.suffix or ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise ValueError(f"{target.suffix} is not a picture format that can be written; use .png") from error
    if not done:
        raise ValueError(f"{target} cannot be encoded")
    target.write_bytes(content.tobytes())


def render_overlay(image: np.ndarray, context: FaceContext, lines: Sequence[tuple[str, Colour]] = ()) -> np.ndarray:
    """(h, w, 3) uint8 RGB copy of a picture with boxes, landmarks, regions and crop guides; legend and text below it.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB, the picture of the context at any size.
    lines : Lines of text below the legend, each with its colour, RGB.
    """
    scale = _SIDE / max(image.shape[:2])
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    canvas = cv2.resize(image, size, interpolation=mode)
    factor = size[0] / context.width
    _draw_guides(canvas)
    for number, box in enumerate(context.faces.boxes):
        corners = np.rint(np.array([[box.left, box.upper], [box.right, box.lower]]) * factor).astype(int)
        cv2.rectangle(canvas, corners[0].tolist(), corners[1].tolist(), _BOX if number == 0 else _OTHER, 2)
    if context.has_landmarks:
        _draw_face(canvas, context, factor)
    shown = (*_FACE_LEGEND, *_GUIDE_LEGEND) if context.has_landmarks else (*_FACE_LEGEND[:2], *_GUIDE_LEGEND)
    return _with_text(canvas, shown, [(_summary(context), _TEXT), *lines])


def _draw_guides(canvas: np.ndarray) -> None:
    height, width = canvas.shape[:2]
    left, right = (round(width * v) for v in _GUIDE_X)
    upper, lower = (round(height * v) for v in _GUIDE_Y)
    cv2.rectangle(canvas, (left, upper), (right, lower), _GUIDE, 1, cv2.LINE_AA)


def _draw_face(canvas: np.ndarray, context: FaceContext, factor: float) -> None:
    points = context.points[:, :2] * factor
    whole = np.rint(points).astype(np.int32)
    for point in whole[:468]:
        cv2.circle(canvas, point.tolist(), 1, _POINT, -1, cv2.LINE_AA)
    cv2.polylines(canvas, [cv2.convexHull(whole[list(lm.FACE_MASK)])], True, _REGION, 1, cv2.LINE_AA)
    for iris in (lm.IMG_LEFT_IRIS, lm.IMG_RIGHT_IRIS):
        radius = float(np.linalg.norm(points[list(iris[1:])] - points[iris[0]], axis=1).mean())
        cv2.circle(canvas, whole[iris[0]].tolist(), max(1, round(radius)), _IRIS, 1, cv2.LINE_AA)
    geometry = context.geometry
    for start, end in ((geometry.img_left_eye, geometry.img_right_eye), (geometry.eye_midpoint, geometry.chin)):
        a, b = (np.rint(v * factor).astype(int).tolist() for v in (start, end))
        cv2.line(canvas, a, b, _IRIS, 1, cv2.LINE_AA)
    _draw_zones(canvas, context, factor)


def _draw_zones(canvas: np.ndarray, context: FaceContext, factor: float) -> None:
    """Draw the cheek zones, which are defined in the aligned frame."""
    if context.cheeks is None:
        return
    for zone in (context.cheeks.img_left, context.cheeks.img_right):
        corners = zone_corners(context, zone) * factor
        cv2.polylines(canvas, [np.rint(corners).astype(np.int32)], True, _ZONE, 1, cv2.LINE_AA)


def _summary(context: FaceContext) -> str:
    count = len(context.faces.boxes)
    if not context.has_landmarks:
        return f"{count} faces, no landmarks"
    if context.faces.doubtful:
        return f"probably not a human face ({context.faces.human:.0%})"
    pose = context.pose
    angles = f"yaw {pose.yaw:+.1f}  pitch {pose.pitch:+.1f}  roll {pose.roll:+.1f} deg (ISO signs)"
    return f"{count} face{'s' * (count != 1)}  eyes {context.geometry.eye_distance:.0f} px apart  {angles}"


def _with_text(
    canvas: np.ndarray, legend: Sequence[tuple[Colour, str]], lines: Sequence[tuple[str, Colour]]
) -> np.ndarray:
    padding = max(0, _NARROWEST - canvas.shape[1])
    canvas = cv2.copyMakeBorder(canvas, 0, 0, 0, padding, cv2.BORDER_CONSTANT, value=_STRIP)
    columns = (canvas.shape[1] - 2 * _MARGIN) // _CHARACTER
    texts = [(part, colour) for line, colour in lines for part in wrap(_drawable(line), columns) or [""]]
    keys = _legend(legend, canvas.shape[1])
    strip = np.full((_LINE * len(texts) + 12, canvas.shape[1], 3), _STRIP, np.uint8)
    for number, (text, colour) in enumerate(texts):
        place = (_MARGIN, _LINE * (number + 1) - 2)
        cv2.putText(strip, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return np.vstack([canvas, keys, strip])


def _drawable(text: str) -> str:
    """Text in the letters that OpenCV's fonts hold, which is ASCII: accents are left out, unknown ones become `?`."""
    spelled = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    return "".join(c for c in spelled if not unicodedata.combining(c)).encode("ascii", "replace").decode()


def _legend(legend: Sequence[tuple[Colour, str]], width: int) -> np.ndarray:
    """(h, width, 3) uint8 strip with the meaning of each colour, in as many lines as needed."""
    places: list[tuple[int, int]] = []
    x, line = _MARGIN, 0
    for _, text in legend:
        needed = 22 + _CHARACTER * len(text)
        if x > _MARGIN and x + needed > width:
            x, line = _MARGIN, line + 1
        places.append((x, line))
        x += needed
    strip = np.full((_LINE * (line + 1), width, 3), _STRIP, np.uint8)
    for (colour, text), (x, line) in zip(legend, places, strict=True):
        y = _LINE * line
        cv2.rectangle(strip, (x, y + 7), (x + 11, y + 17), colour, -1)
        cv2.putText(strip, text, (x + 17, y + 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
    return strip
