"""Columns of the external engines `ofiq` and `biqt`, under the names that BQAT's records use.

Quality components come in pairs: the native value under the plain name, the 0..100 component under `<name>_scalar`,
null where the engine could not assess it (BQAT's records say -1).
"""

from collections.abc import Mapping
from dataclasses import replace

from bqat_pipeline.columns.bqat import BQAT
from bqat_pipeline.columns.iso import COMPONENT_NAMES, ISO
from bqat_pipeline.columns.model import Column, EngineName

_ISO = {column.name: column for column in ISO}


def _ofiq(component: str) -> tuple[Column, Column]:
    iso = _ISO[f"iso_{component}"]
    what = f"ISO/IEC 29794-5 {iso.clause} {iso.label}, measured by OFIQ"
    native = replace(
        iso,
        name=component,
        type="float",
        description=f"{what}: native value.",
        group="ofiq",
        method="external",
        error=0.0,
        evidence="",
        statistics=True,
        wire=True,
        reason="",
    )
    scalar = Column(
        f"{component}_scalar",
        "int",
        f"{what}: component value 0..100, higher is better; null when it could not be assessed.",
        unit="0..100",
        low=0,
        high=100,
        direction="higher",
        group="ofiq",
        clause=iso.clause,
        method="external",
        label=f"{iso.label} (score)",
        follows_skin_tone=iso.follows_skin_tone,
    )
    return native, scalar


OFIQ: tuple[Column, ...] = tuple(column for component in COMPONENT_NAMES for column in _ofiq(component))

# The names that mean something else in our own record get a prefix when both engines ran on one picture.
_TAKEN = {column.name for column in BQAT}
OFIQ_FUSED: tuple[Column, ...] = tuple(replace(c, name=f"ofiq_{c.name}") if c.name in _TAKEN else c for c in OFIQ)


def _biqt(name: str, description: str, unit: str = "", *, statistics: bool = False, label: str = "") -> Column:
    return Column(
        name,
        "float",
        f"{description} (BIQT Face).",
        unit=unit,
        group="biqt",
        method="external",
        statistics=statistics,
        label=label,
    )


def _points(prefix: str, what: str) -> tuple[Column, Column]:
    return (
        _biqt(f"{prefix}_x", f"{what}, px from the left edge", "px"),
        _biqt(f"{prefix}_y", f"{what}, px from the top", "px"),
    )


BIQT: tuple[Column, ...] = (
    Column(
        "quality",
        "float",
        "Overall quality, ten times the 0..10 value of BIQT Face.",
        unit="0..100",
        low=0,
        high=100,
        direction="higher",
        group="biqt",
        method="external",
        statistics=True,
    ),
    _biqt("background_deviation", "Deviation of the background", statistics=True),
    _biqt("background_grayness", "Greyness of the background", statistics=True),
    _biqt("blur", "Blur of the image", statistics=True),
    _biqt("blur_face", "Blur of the face", statistics=True),
    _biqt("focus", "Focus of the image", statistics=True),
    _biqt("focus_face", "Focus of the face", statistics=True),
    _biqt("over_exposure", "Over-exposure of the image", statistics=True),
    _biqt("over_exposure_face", "Over-exposure of the face", statistics=True),
    _biqt("skin_ratio_face", "Share of skin-coloured pixels in the face", "0..1", statistics=True),
    _biqt("skin_ratio_full", "Share of skin-coloured pixels in the image", "0..1", statistics=True),
    _biqt("sap_code", "Subject acquisition profile code"),
    _biqt("openbr_confidence", "Confidence of the OpenBR face detection", statistics=True),
    _biqt("openbr_IPD", "Eye distance found by OpenBR", "px", statistics=True),
    _biqt("opencv_IPD", "Eye distance found by OpenCV", "px", statistics=True),
    _biqt("opencv_eye_count", "Eyes found by OpenCV"),
    _biqt("opencv_face_found", "Whether OpenCV found a face, 0 or 1"),
    _biqt("opencv_frontal_face_found", "Whether OpenCV found a frontal face, 0 or 1"),
    _biqt("opencv_profile_face_found", "Whether OpenCV found a face in profile, 0 or 1"),
    _biqt("opencv_face_height", "Height of the face found by OpenCV", "px", statistics=True),
    _biqt("opencv_face_width", "Width of the face found by OpenCV", "px", statistics=True),
    _biqt("opencv_landmarks_count", "Landmarks found by OpenCV"),
    _biqt("opencv_mouth_count", "Mouths found by OpenCV"),
    _biqt("opencv_nose_count", "Noses found by OpenCV"),
    _biqt("image_area", "Pixels of the image", "px"),
    _biqt("image_channels", "Channels of the image"),
    _biqt("image_height", "Height of the image", "px"),
    _biqt("image_width", "Width of the image", "px"),
    _biqt("image_ratio", "Aspect ratio of the image"),
    *_points("openbr_left_eye", "Left eye as OpenBR names it"),
    *_points("openbr_right_eye", "Right eye as OpenBR names it"),
    *_points("opencv_face_center_of_mass", "Centre of mass of the face found by OpenCV"),
    *_points("opencv_face_offset", "Offset of the face found by OpenCV"),
    *_points("opencv_face", "Corner of the face found by OpenCV"),
    *_points("opencv_left_eye", "Left eye as OpenCV names it"),
    *_points("opencv_right_eye", "Right eye as OpenCV names it"),
    *_points("opencv_mouth", "Mouth found by OpenCV"),
    *_points("opencv_nose", "Nose found by OpenCV"),
)

# What each external engine measures; identity and status are the same for all.
EXTERNAL: Mapping[EngineName, tuple[Column, ...]] = {
    "ofiq": OFIQ,
    "biqt": BIQT,
}
