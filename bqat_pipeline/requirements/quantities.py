"""Quantities that limits are set on: numeric and boolean columns of the registry, of all engines.

A few columns of our own engine can be computed from the standard's native values, which the engine `ofiq` reports too;
this is done where the column has no value. Definitions as in ISO/IEC 39794-5: A, B are image width and
height, M is the midpoint of the eye centres, T the distance from M to the chin, L the length of the head.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqat_pipeline.columns import ALL_COLUMNS, columns_for

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number per row.

    Attributes
    ----------
    name : Column name.
    title : Display name.
    unit : Unit of the value, or empty.
    description : One sentence; side, sign and frame where they matter.
    columns : Columns it needs, in the order of the arguments of ``compute``; the first is the column itself.
    compute : Function of arrays (n,) float64, NaN where a column is null, that returns (n,) float64, NaN where the
        quantity is unknown.
    boolean : Whether the value is 0 (no) or 1 (yes).
    error : Error of one measurement, in ``unit``, as the registry states it; 0 where it is not stated.
    """

    name: str
    title: str
    unit: str
    description: str
    columns: tuple[str, ...]
    compute: Callable[..., Values]
    boolean: bool = False
    error: float = 0.0


def _itself(value: Values) -> Values:
    return value


def _head_length(value: Values, head_size: Values) -> Values:
    # L is estimated as 2 T: the eye line lies at half head height.
    return np.where(np.isnan(value), 2.0 * head_size, value)


def _position_x(
    value: Values, leftward: Values, rightward: Values, eye_distance: Values, yaw: Values, width: Values
) -> Values:
    # leftward = x(image-right eye) / IED, rightward = (A - x(image-left eye)) / IED (29794-5 7.4.10, uncorrected IED):
    # their difference is (2 M.x - A) / IED. The column of the inter-eye distance holds IED / cos(yaw).
    uncorrected = eye_distance * np.cos(np.radians(yaw))
    return np.where(np.isnan(value), 0.5 + (leftward - rightward) * uncorrected / (2.0 * width), value)


def _position_y(value: Values, margin_above: Values, head_size: Values) -> Values:
    # (M.y / T) * (T / B)
    return np.where(np.isnan(value), margin_above * head_size, value)


# Columns that can be computed: the other columns needed, and the function of the column itself and these.
_COMPUTABLE: dict[str, tuple[tuple[str, ...], Callable[..., Values]]] = {
    "aux_head_length_ratio": (("iso_head_size",), _head_length),
    "aux_face_position_x": (
        (
            "iso_leftward_crop_of_the_face_image",
            "iso_rightward_crop_of_the_face_image",
            "iso_inter_eye_distance",
            "iso_head_pose_yaw",
            "image_width",
        ),
        _position_x,
    ),
    "aux_face_position_y": (("iso_margin_above_of_the_face_image", "iso_head_size"), _position_y),
}


def quantity(name: str) -> Quantity:
    """The quantity of a numeric or boolean column of the registry (all engines).

    Raises
    ------
    KeyError : when there is no such column, or it holds text.
    """
    column = ALL_COLUMNS.get(name)
    if column is None or column.type not in ("int", "float", "bool"):
        raise KeyError(name)
    others, compute = _COMPUTABLE.get(name, ((), _itself))
    return Quantity(
        column.name,
        column.title,
        column.unit,
        column.description,
        (name, *others),
        compute,
        column.type == "bool",
        column.error,
    )


def stand_in(column: str) -> str | None:
    """The column of the engine `ofiq` with the same native value as a column of ours; None when there is none."""
    if not column.startswith("iso_"):
        return None
    name = column.removeprefix("iso_")
    return name if name in columns_for("ofiq") else None
