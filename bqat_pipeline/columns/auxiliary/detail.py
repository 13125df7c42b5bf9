"""Columns of detail and compression."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

DETAIL = (
    auxiliary(
        "sharpness",
        "float",
        "Variance of the Laplacian inside the face at 113 px between the eyes: comparable across picture sizes; "
        "enlarged faces come out soft.",
        low=0,
        direction="higher",
        label="Sharpness of the face",
    ),
    auxiliary(
        "effective_eye_distance",
        "float",
        "Eye distance of the smallest picture that would hold the same detail; far below aux_eye_distance in "
        "enlarged, blurred or pixelated pictures; noise and the blocks of strong JPEG compression count as detail.",
        unit="px",
        low=0,
        direction="higher",
        label="Effective eye distance",
    ),
    auxiliary(
        "pixel_size",
        "float",
        "Side of the squares that the face is drawn with, in px of the picture: about 1.1 where each pixel has a value of its "
        "own, n where pixels were repeated n times or a mosaic has squares of n px; smaller after compression. Null for faces "
        "below 24 px between the eyes and pictures decoded at half size.",
        unit="px",
        low=1,
        direction="lower",
        label="Pixelation",
    ),
    auxiliary(
        "level_spacing",
        "float",
        "How far apart the levels of smooth parts of the face are, of 256: 1 when all are used, 8 when every eighth is; "
        "compression hides part of it. Null for faces below 24 px between the eyes and where nearly all is black or white.",
        low=1,
        high=64,
        direction="lower",
        label="Posterisation",
    ),
    auxiliary(
        "aligned_scale",
        "float",
        "Px of the 113 px aligned frame per px of the picture; above 1.5 gradient measures see interpolation.",
        low=0,
        label="Enlargement",
    ),
    auxiliary(
        "jpeg_quality",
        "float",
        "Quality of the closest luminance quantisation table of the Independent JPEG Group; JPEG files only.",
        unit="1..100",
        low=1,
        high=100,
        direction="higher",
        label="JPEG quality",
    ),
    auxiliary("jpeg_subsampling", "string", "Chroma subsampling of a JPEG file: 4:4:4, 4:2:2 or 4:2:0."),
    auxiliary(
        "bits_per_pixel",
        "float",
        "Size of the file in bits divided by the number of pixels.",
        low=0,
        direction="higher",
        label="Bits per pixel",
    ),
    auxiliary(
        "blockiness",
        "float",
        "Mean step across borders of 8 x 8 px blocks divided by the mean step elsewhere; 1 without visible blocks.",
        low=0,
        direction="lower",
        label="Blockiness",
    ),
    auxiliary(
        "blur",
        "float",
        "Width of the blur of the face (standard deviation) in percent of the eye distance, whether by focus, motion or "
        "enlargement; the sampling of a small picture counts as blur.",
        unit="%",
        low=0,
        direction="lower",
        label="Blur",
    ),
    auxiliary(
        "compression_ssim",
        "float",
        "Structural similarity, on the face, of the picture and what it was before it was compressed, estimated from the "
        "pixels: what was saved again at a higher quality keeps its loss. Null for a picture decoded at half size.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        error=0.03,
        evidence="4,266 damaged copies of portraits, cross-validated by person",
        label="Structure left by compression",
    ),
    auxiliary(
        "decode_reduction",
        "int",
        "1, or 2 when a huge JPEG was decoded at half size: sharpness, contrast and blockiness are then about that size.",
        low=1,
        high=2,
        statistics=False,
        label="Decoded at 1 /",
    ),
)
