"""Columns of the background."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

BACKGROUND = (
    auxiliary(
        "background_fraction",
        "float",
        "Share of background in the aligned crop; below 0.02 the background measures say little.",
        unit="0..1",
        low=0,
        high=1,
        label="Background share",
    ),
    auxiliary("background_colour", "string", "Mean colour of the background, sRGB, as #rrggbb."),
    auxiliary(
        "background_lightness",
        "float",
        "CIELAB lightness L* of the background's mean colour.",
        unit="0..100",
        low=0,
        high=100,
        label="Background lightness",
    ),
    auxiliary(
        "background_chroma",
        "float",
        "CIELAB chroma of the background's mean colour; 0 is grey.",
        low=0,
        label="Background chroma",
    ),
    auxiliary(
        "background_deviation",
        "float",
        "Standard deviation of the background's linear luminance.",
        unit="0..127.5",
        low=0,
        high=127.5,
        direction="lower",
        label="Background deviation",
    ),
    auxiliary(
        "background_shadow",
        "float",
        "Share of light that is missing on the darker side of the head, next to its outline, against the rest of the "
        "background; null when the background is small or not plain.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Shadow behind the head",
    ),
)
