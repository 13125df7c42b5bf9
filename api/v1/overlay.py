"""Boxes of face and head and the pupils of a picture, drawn as SVG."""

import base64
from collections.abc import Mapping
from html import escape
from typing import Any

_FACE, _HEAD, _PUPIL = "#00b3a4", "#e08a00", "#d6006c"


def overlay_svg(row: Mapping[str, Any], picture: bytes, media: str) -> str:
    """SVG in the frame of the upright image (px) that holds a small version of the picture and the marks.

    Parameters
    ----------
    row : A profile with all columns.
    picture, media : File of the small version, and its media type.
    """
    width, height = _size(row)
    data = base64.b64encode(picture).decode()
    image = f'<image href="data:{media};base64,{data}" width="{width}" height="{height}" preserveAspectRatio="none"/>'
    return _svg(row, image)


def marks_svg(row: Mapping[str, Any]) -> str:
    """SVG in the frame of the upright image (px) that holds the marks alone, to lie over the picture."""
    return _svg(row, "")


def _size(row: Mapping[str, Any]) -> tuple[int, int]:
    return row.get("image_width") or 1, row.get("image_height") or 1


def _svg(row: Mapping[str, Any], image: str) -> str:
    width, height = _size(row)
    line = max(1.0, max(width, height) / 320)
    marks = (
        _box(row, ("bbox_left", "bbox_upper", "bbox_right", "bbox_lower"), _FACE, line, "face"),
        _box(row, ("head_left", "head_top", "head_right", "head_bottom"), _HEAD, line, "head"),
        _pupil(row, "right", line),
        _pupil(row, "left", line),
    )
    title = escape(str(row.get("file") or ""))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{title}</title>{image}{''.join(marks)}</svg>"
    )


def _box(row: Mapping[str, Any], names: tuple[str, str, str, str], colour: str, line: float, title: str) -> str:
    values = [row.get(name) for name in names]
    if any(value is None for value in values):
        return ""
    left, upper, right, lower = (float(value) for value in values if value is not None)
    if right <= left or lower <= upper:
        return ""
    return (
        f'<rect x="{left:g}" y="{upper:g}" width="{right - left:g}" height="{lower - upper:g}" fill="none" '
        f'stroke="{colour}" stroke-width="{line:.2f}"><title>{title}</title></rect>'
    )


def _pupil(row: Mapping[str, Any], side: str, line: float) -> str:
    x, y = row.get(f"pupil_{side}_x"), row.get(f"pupil_{side}_y")
    if x is None or y is None:
        return ""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{2.5 * line:.2f}" fill="none" stroke="{_PUPIL}" '
        f'stroke-width="{line:.2f}"><title>pupil of the subject&#39;s {side} eye</title></circle>'
    )
