"""Columns of our own helper measures. Never stored under a standard's name, never part of the wire record."""

from typing import Any

from bqat_pipeline.columns.model import Column, ColumnType


def _aux(name: str, kind: ColumnType, description: str, **rest: Any) -> Column:
    """A column ``aux_<name>``; a number is worth statistics unless said otherwise."""
    rest.setdefault("statistics", kind in ("int", "float", "bool"))
    return Column(f"aux_{name}", kind, description, group="aux", wire=False, **rest)


AUX = (
    # faces
    _aux("face_count", "int", "Number of faces found.", low=0, label="Faces"),
    _aux("faces", "boxes", "Boxes of all faces, main face first; px of the upright image."),
    _aux(
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
    _aux(
        "mesh_score",
        "float",
        "Probability that the landmarks were fitted to a face; low values hint at occlusion or an extreme pose.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        label="Landmark score",
    ),
    _aux(
        "mesh_residual",
        "float",
        "Root mean square distance of the rigid landmarks from the reference face after turning, in inter-eye "
        "distances; high values hint at a poor fit.",
        low=0,
        direction="lower",
        label="Landmark residual",
    ),
    # eyes and mouth; right and left are the subject's sides
    _aux(
        "eye_distance",
        "float",
        "Distance of the eye centres (midpoints of the eye corners) in the picture, not corrected for yaw.",
        unit="px",
        low=0,
        direction="higher",
        label="Eye distance",
    ),
    _aux(
        "eye_openness_right",
        "float",
        "Largest lid gap of the subject's right eye (image left) divided by the width of the eye.",
        low=0,
        direction="higher",
        label="Right eye openness",
    ),
    _aux(
        "eye_openness_left",
        "float",
        "Largest lid gap of the subject's left eye (image right) divided by the width of the eye.",
        low=0,
        direction="higher",
        label="Left eye openness",
    ),
    _aux(
        "eye_closed_score_right",
        "float",
        "Probability that the subject's right eye (image left) is closed; eye_closed_right from 0.5.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Right eye closed",
    ),
    _aux(
        "eye_closed_score_left",
        "float",
        "Probability that the subject's left eye (image right) is closed; eye_closed_left from 0.5.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Left eye closed",
    ),
    _aux(
        "gaze_offset_x",
        "float",
        "Mean offset of both irises from the middle of the eye corners along their line, in eye widths; above 0 to "
        "the right of the picture.",
        direction="zero",
        label="Gaze offset sideways",
    ),
    _aux(
        "gaze_offset_y",
        "float",
        "Mean offset of both irises from the line of the eye corners, in eye widths; above 0 downwards.",
        direction="zero",
        label="Gaze offset vertical",
    ),
    _aux("mouth_open", "bool", "The lips are visibly parted, teeth in a smile included."),
    _aux(
        "mouth_open_score",
        "float",
        "Probability that the lips are parted; aux_mouth_open from 0.5.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Mouth open",
    ),
    _aux(
        "smile_score",
        "float",
        "Probability of a visible smile; smile from 0.5.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Smile",
    ),
    _aux(
        "glasses_score",
        "float",
        "Probability of glasses, clear or dark; glasses from 0.5.",
        unit="0..1",
        low=0,
        high=1,
        label="Glasses",
    ),
    # geometry of the portrait, ISO/IEC 39794-5: A, B width and height of the image
    _aux(
        "face_position_x",
        "float",
        "Distance of the eye midpoint from the left edge divided by the image width (Mh / A).",
        direction="middle",
        label="Horizontal position",
    ),
    _aux(
        "face_position_y",
        "float",
        "Distance of the eye midpoint from the upper edge divided by the image height (Mv / B).",
        direction="middle",
        label="Vertical position",
    ),
    _aux(
        "head_width_ratio",
        "float",
        "Head width at ear level without ears divided by the image width (W / A); slightly small.",
        low=0,
        direction="middle",
        label="Head width",
    ),
    _aux(
        "head_length_ratio",
        "float",
        "Head length from crown to chin, estimated as twice the eye-to-chin distance, divided by the image height "
        "(L / B); about 8 % off on single heads.",
        low=0,
        direction="middle",
        label="Head length",
    ),
    _aux("image_aspect", "float", "Image width divided by image height (A / B).", low=0, label="Aspect ratio"),
    _aux(
        "border_contact",
        "float",
        "Share of the face's contour that lies outside the picture.",
        unit="0..1",
        low=0,
        high=1,
        direction="lower",
        label="Face cut off",
    ),
    # light and colour of the face
    _aux(
        "intensity_levels",
        "int",
        "Number of different grey levels in the face, as stored (gamma-coded); at least 128 (7 bits) are asked for.",
        low=0,
        high=256,
        direction="higher",
        label="Intensity levels",
    ),
    _aux(
        "light_zones_ratio",
        "float",
        "Lowest divided by highest mean of forehead, both cheeks and chin, in the colour channel where it is least; "
        "at least 0.5 is asked for.",
        unit="0..1",
        low=0,
        high=1,
        direction="higher",
        label="Evenness of light",
    ),
    _aux("is_grey", "bool", "Red, green and blue are equal everywhere."),
    # background
    _aux(
        "background_fraction",
        "float",
        "Share of background in the aligned crop; below 0.02 the background measures say little.",
        unit="0..1",
        low=0,
        high=1,
        label="Background share",
    ),
    _aux("background_colour", "string", "Mean colour of the background, sRGB, as #rrggbb."),
    _aux(
        "background_lightness",
        "float",
        "CIELAB lightness L* of the background's mean colour.",
        unit="0..100",
        low=0,
        high=100,
        label="Background lightness",
    ),
    _aux(
        "background_chroma",
        "float",
        "CIELAB chroma of the background's mean colour; 0 is grey.",
        low=0,
        label="Background chroma",
    ),
    _aux(
        "background_deviation",
        "float",
        "Standard deviation of the background's linear luminance.",
        unit="0..127.5",
        low=0,
        high=127.5,
        direction="lower",
        label="Background deviation",
    ),
    # detail and compression
    _aux(
        "sharpness",
        "float",
        "Variance of the Laplacian inside the face at 113 px between the eyes: comparable across picture sizes; "
        "enlarged faces come out soft.",
        low=0,
        direction="higher",
        label="Sharpness of the face",
    ),
    _aux(
        "effective_eye_distance",
        "float",
        "Eye distance of the smallest picture that would hold the same detail; far below aux_eye_distance in "
        "enlarged or blurred pictures; noise and the blocks of strong JPEG compression count as detail.",
        unit="px",
        low=0,
        direction="higher",
        label="Effective eye distance",
    ),
    _aux(
        "aligned_scale",
        "float",
        "Px of the 113 px aligned frame per px of the picture; above 1.5 gradient measures see interpolation.",
        low=0,
        label="Enlargement",
    ),
    _aux(
        "jpeg_quality",
        "float",
        "Quality of the closest luminance quantisation table of the Independent JPEG Group; JPEG files only.",
        unit="1..100",
        low=1,
        high=100,
        direction="higher",
        label="JPEG quality",
    ),
    _aux("jpeg_subsampling", "string", "Chroma subsampling of a JPEG file: 4:4:4, 4:2:2 or 4:2:0."),
    _aux(
        "bits_per_pixel",
        "float",
        "Size of the file in bits divided by the number of pixels.",
        low=0,
        direction="higher",
        label="Bits per pixel",
    ),
    _aux(
        "blockiness",
        "float",
        "Mean step across borders of 8 x 8 px blocks divided by the mean step elsewhere; 1 without visible blocks.",
        low=0,
        direction="lower",
        label="Blockiness",
    ),
    _aux(
        "decode_reduction",
        "int",
        "1, or 2 when a huge JPEG was decoded at half size: sharpness, contrast and blockiness are then about that size.",
        low=1,
        high=2,
        statistics=False,
        label="Decoded at 1 /",
    ),
    # which photograph it is
    _aux(
        "face_hash",
        "string",
        "144-bit hash of the main face, upright and at one size, hexadecimal: a copy that was cropped, turned, brightened or "
        "scaled differs in at most about 25 bits, another person in 28 and more. Signs of cosine coefficients.",
        label="Hash of the face",
    ),
    _aux(
        "face_pattern",
        "string",
        "The 24 x 24 lowest cosine coefficients of the same frame, one signed byte each, base64; tells a changed copy from "
        "another photograph. A coarse picture of the face: personal data, treat it like a thumbnail.",
        label="Pattern of the face",
    ),
)
