"""Columns of light and colour of the face."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

LIGHT = (
    auxiliary(
        "intensity_levels",
        "int",
        "Number of different grey levels in the face, as stored (gamma-coded); at least 128 (7 bits) are asked for.",
        low=0,
        high=256,
        direction="higher",
        label="Intensity levels",
    ),
    auxiliary(
        "light_zones_ratio",
        "float",
        "Lowest divided by highest mean of forehead, both cheeks and chin, in the colour channel where it is least, or "
        "of the light without gloss where that is more even; at least 0.5 is asked for.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        label="Evenness of light",
    ),
    auxiliary(
        "skin_highlights",
        "float",
        "Share of the skin from mid-forehead to chin, without eyes and lips, with spots that are nearly white (green from 225) "
        "and brighter than the skin around them by 20 levels and more. Null below 24 px between the eyes.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Highlights on the skin",
    ),
    auxiliary("is_grey", "bool", "Red, green and blue are equal everywhere."),
)
