"""Columns on whether the picture holds the whole head, the right way up."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

FRAMING = (
    auxiliary(
        "crown_cut",
        "float",
        "Width along which the picture's edge cuts the person above the eyes, in head widths; 0 when background is "
        "seen above the head, or when the edge is so far above the eyes that it cuts only hair or a hat.",
        low=0,
        high=1,
        direction="lower",
        label="Head cut off at the top",
    ),
    auxiliary(
        "side_room",
        "float",
        "Room between the face at ear level and the nearer side edge of the picture, in head widths; the ears take about "
        "0.06 of it; below 0 the edge cuts the face.",
        direction="none",
        label="Room beside the head",
    ),
    auxiliary(
        "chin_room",
        "float",
        "Room between the chin and the lower edge of the picture, in eye-to-chin distances; below 0 the chin is cut off.",
        direction="none",
        label="Room below the chin",
    ),
    auxiliary(
        "upside_down",
        "bool",
        "Whether the head is turned by more than 135 degrees: the picture is upside down.",
        direction="lower",
        label="Upside down",
    ),
    auxiliary(
        "quarter_turn",
        "int",
        "Quarter turns that bring the head of a picture on its side (turned by 45 to 135 degrees) upright: 1 clockwise, "
        "-1 anti-clockwise, 0 for all other pictures.",
        low=-1,
        high=1,
        direction="none",
        statistics=False,
        label="Quarter turn",
    ),
    auxiliary(
        "shoulder_tilt",
        "float",
        "Angle of the line through both shoulders; above 0 the shoulder on the right of the picture is higher, which a "
        "turned body shows too; null when the shoulders are not seen.",
        unit="deg",
        low=-90,
        high=90,
        direction="middle",
        label="Shoulders",
    ),
)
