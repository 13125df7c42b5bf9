"""Glasses: edges of the frame on the nose bridge and below the eyes."""

from collections.abc import Mapping

from bqat_pipeline.face.attribute_features import glasses_features
from bqat_pipeline.face.attributes import DECISION, model
from bqat_pipeline.face.context import FaceContext


def measure(context: FaceContext) -> Mapping[str, object]:
    """Whether glasses are worn, and the score of the decision."""
    score = model("glasses").probability(glasses_features(context.aligned))
    return {"glasses": score >= DECISION, "aux_glasses_score": score}
