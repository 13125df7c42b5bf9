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
)
