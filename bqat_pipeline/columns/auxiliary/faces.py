"""Columns of how sure the face and its landmarks are."""

from bqat_pipeline.columns.auxiliary.column import auxiliary

FACES = (
    auxiliary("face_count", "int", "Number of faces found.", low=0, label="Faces"),
    auxiliary("faces", "boxes", "Boxes of all faces, main face first; px of the upright image."),
    auxiliary(
        "human_face",
        "float",
        "Probability that the main face is a human one: 1 where the detectors leave no doubt, else that of a second "
        "look; below 0.5 the status is `doubtful_face`.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        label="Human face",
        statistics=False,
    ),
    auxiliary(
        "mesh_score",
        "float",
        "Probability that the landmarks were fitted to a face; low values hint at occlusion or an extreme pose.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        label="Landmark score",
    ),
    auxiliary(
        "mesh_residual",
        "float",
        "Root mean square distance of the rigid landmarks from the reference face after turning, in inter-eye "
        "distances; high values hint at a poor fit.",
        low=0,
        direction="lower",
        label="Landmark residual",
    ),
)
