"""The mouth: closed or open, smile."""

from collections.abc import Mapping

from bqat_pipeline.face.attribute_features import mouth_features, smile_features
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.geometry import largest_gap
from bqat_pipeline.face.landmarks import INNER_LIP_PAIRS
from bqat_pipeline.face.mapping import component


def measure(context: FaceContext) -> Mapping[str, object]:
    """Gap of the inner lips in units of T, and the smile decision with its score."""
    gap, length = largest_gap(context.points, INNER_LIP_PAIRS), context.geometry.length
    smile = model("smile").probability(smile_features(context.points, context.pose.rotation))
    mouth_open = model("mouth_open").probability(mouth_features(context.points, context.pose.rotation))
    return {
        **component("mouth_closed", gap / length if length else None),
        "smile": smile >= DECISION,
        "aux_smile_score": smile,
        "aux_mouth_open": mouth_open >= DECISION,
        "aux_mouth_open_score": mouth_open,
    }
