"""Columns of our own helper measures. Never stored under a standard's name."""

from bqat_pipeline.columns.model import Column

AUX = (
    Column(
        "aux_face_count",
        "int",
        "Number of faces found.",
        low=0,
        group="aux",
        wire=False,
        label="Faces",
        statistics=True,
    ),
    Column(
        "aux_faces", "boxes", "Boxes of all faces, main face first; px of the upright image.", group="aux", wire=False
    ),
)
