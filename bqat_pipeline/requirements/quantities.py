"""Quantities that limits are set on: columns of the registry, and a few values derived from columns.

Definitions as in ISO/IEC 39794-5: A, B are image width and height, M is the midpoint of the eye centres,
T the distance from M to the chin, L the head length from crown to chin.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.columns import columns_for

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number per row, computed from columns.

    Attributes
    ----------
    name : Column name, or a key of ``DERIVED``.
    title : Name for people.
    unit : Unit of the value, or empty.
    description : One sentence; formula, side, sign and frame where they matter.
    columns : Columns it needs, in the order of the arguments of ``compute``.
    compute : Arrays (n,) float64, NaN where a column is null, to (n,) float64; NaN where it is unknown.
    boolean : The value is 0 (no) or 1 (yes).
    """

    name: str
    title: str
    unit: str
    description: str
    columns: tuple[str, ...]
    compute: Callable[..., Values]
    boolean: bool = False


def _horizontal(leftward: Values, rightward: Values, eye_distance: Values, yaw: Values, width: Values) -> Values:
    # leftward = x(image-right eye) / IED, rightward = (A - x(image-left eye)) / IED (29794-5 7.4.10, uncorrected IED);
    # their difference is (2 M.x - A) / IED. The inter-eye distance column is IED / cos(yaw).
    flat = eye_distance * np.cos(np.radians(yaw))
    return 0.5 + (leftward - rightward) * flat / (2.0 * width)


# T spans the lower half of the head: the eye line lies at half head height (own estimate, single heads +-8 %).
def _head_length(head_size: Values) -> Values:
    return 2.0 * head_size


def _vertical(margin_above: Values, head_size: Values) -> Values:
    # (M.y / T) * (T / B)
    return margin_above * head_size


def _aspect(width: Values, height: Values) -> Values:
    return width / height


DERIVED: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity(
            "head_length_ratio",
            "Head length",
            "",
            "Head length (crown to chin, estimated as 2 T) divided by the image height; about 8 % off on single heads.",
            ("iso_head_size",),
            _head_length,
        ),
        Quantity(
            "face_centre_horizontal",
            "Horizontal position",
            "",
            "Distance of the eye midpoint from the left edge of the picture divided by the image width.",
            (
                "iso_leftward_crop_of_the_face_image",
                "iso_rightward_crop_of_the_face_image",
                "iso_inter_eye_distance",
                "iso_head_pose_yaw",
                "image_width",
            ),
            _horizontal,
        ),
        Quantity(
            "face_centre_vertical",
            "Vertical position",
            "",
            "Distance of the eye midpoint from the upper edge of the picture divided by the image height.",
            ("iso_margin_above_of_the_face_image", "iso_head_size"),
            _vertical,
        ),
        Quantity(
            "image_aspect_ratio",
            "Aspect ratio",
            "",
            "Image width divided by image height.",
            ("image_width", "image_height"),
            _aspect,
        ),
    )
}


def _itself(value: Values) -> Values:
    return value


def quantity(name: str) -> Quantity:
    """The quantity of a name: a derived one, or a numeric or boolean column of the registry (all engines).

    Raises
    ------
    KeyError : when neither exists, or the column is text.
    """
    if name in DERIVED:
        return DERIVED[name]
    column = columns_for("fusion", 7).get(name)
    if column is None or column.type not in ("int", "float", "bool"):
        raise KeyError(name)
    return Quantity(
        column.name, column.title, column.unit, column.description, (column.name,), _itself, column.type == "bool"
    )


def stand_in(column: str) -> str | None:
    """The column of an `ofiq` data set that holds the same native value, for data sets without our own, or None."""
    if not column.startswith("iso_"):
        return None
    name = column.removeprefix("iso_")
    return name if name in columns_for("ofiq") else None
