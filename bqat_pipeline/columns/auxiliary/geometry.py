"""Columns of the geometry of the portrait; A and B of ISO/IEC 39794-5 are the width and height of the image."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

GEOMETRY = (
    auxiliary(
        "face_position_x",
        "float",
        "Distance of the eye midpoint from the left edge divided by the image width (Mh / A).",
        direction="middle",
        label="Horizontal position",
    ),
    auxiliary(
        "face_position_y",
        "float",
        "Distance of the eye midpoint from the upper edge divided by the image height (Mv / B).",
        direction="middle",
        label="Vertical position",
    ),
    auxiliary(
        "head_width_ratio",
        "float",
        "Head width at ear level without ears divided by the image width (W / A); slightly small.",
        low=0,
        direction="middle",
        label="Head width",
    ),
    auxiliary(
        "head_length_ratio",
        "float",
        "Head length from crown to chin, estimated as twice the eye-to-chin distance, divided by the image height "
        "(L / B); about 8 % off on single heads.",
        low=0,
        direction="middle",
        label="Head length",
    ),
    auxiliary("image_aspect", "float", "Image width divided by image height (A / B).", low=0, label="Aspect ratio"),
    auxiliary(
        "border_contact",
        "float",
        "Share of the face's contour that lies outside the picture.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Face cut off",
    ),
)
