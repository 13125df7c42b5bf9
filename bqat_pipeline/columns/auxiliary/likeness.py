"""Columns that tell which photograph it is."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

LIKENESS = (
    auxiliary(
        "face_hash",
        "string",
        "144-bit hash of the main face, upright and at one size, hexadecimal: a copy that was cropped, turned, brightened or "
        "scaled differs in at most about 25 bits, another person in 28 and more. Signs of cosine coefficients.",
        label="Hash of the face",
    ),
    auxiliary(
        "face_pattern",
        "string",
        "The 24 x 24 lowest cosine coefficients of the same frame, one signed byte each, base64; tells a changed copy from "
        "another photograph. A coarse picture of the face: personal data, treat it like a thumbnail.",
        label="Pattern of the face",
        personal=True,
    ),
)
