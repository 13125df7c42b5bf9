"""The attention mesh model cut into two parts that plain LiteRT can run.

``face_landmark_with_attention.tflite`` joins two parts of ordinary operators by three custom ones that exist only
inside mediapipe. Part A turns the 192 px face crop into 468 points, a 48 x 48 x 32 feature map and the face flag;
part B turns three 16 x 16 x 32 crops of the feature map (lips, both eyes) into refined points and irises. The custom
operators between them are implemented in ``mesh.py``.
"""

from dataclasses import dataclass

import numpy as np

from bqat_pipeline.face.errors import ModelError
from bqat_pipeline.face.nets.flatbuffer import derived_models, load, prune
from bqat_pipeline.face.nets.models import ATTENTION_MESH

_SAMPLE_OPERATOR = b"TransformTensorBilinear"
_PLACE_OPERATOR = b"TransformLandmarks"


@dataclass(frozen=True, slots=True)
class Region:
    """How one region (lips, an eye) is cut from the feature map and refined.

    Attributes
    ----------
    indices : Mesh vertices that the refined points replace, in order; their box is the crop.
    first, second : Mesh vertices whose line gives the rotation of the crop.
    """

    indices: np.ndarray
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class SplitModel:
    """The two parts as flatbuffers, and the regions in the order of part B's inputs."""

    mesh: bytes
    refinement: bytes
    regions: tuple[Region, Region, Region]


def split_attention_mesh() -> SplitModel:
    """The two parts and the regions; the parts are kept in the cache folder once they were cut.

    Raises
    ------
    ModelError : when the model file is missing, not the known one, or has other operators than expected.
    """
    mesh, refinement = derived_models(("mesh", "refinement"), ATTENTION_MESH, _cut)
    return SplitModel(mesh, refinement, _regions())


def _regions() -> tuple[Region, Region, Region]:
    """Lips, eye on the image left (subject's right), eye on the image right, by the parameters of the model file."""
    from bqat_pipeline.face.landmarks import LEFT_EYE_REGION, LIPS_REGION, RIGHT_EYE_REGION

    return (
        Region(np.array(LIPS_REGION), 61, 291),
        Region(np.array(RIGHT_EYE_REGION), 33, 133),
        Region(np.array(LEFT_EYE_REGION), 362, 263),
    )


def _cut(content: bytes) -> list[bytes]:
    model = load(content)
    graph = model.subgraphs[0]
    codes = [model.operatorCodes[o.opcodeIndex].customCode for o in graph.operators]
    sampled = [o for o, code in zip(graph.operators, codes, strict=True) if code == _SAMPLE_OPERATOR]
    placed = [o for o, code in zip(graph.operators, codes, strict=True) if code == _PLACE_OPERATOR]
    if len(sampled) != 3 or len(placed) != 5:
        raise ModelError("the attention mesh model does not have the operators it is cut at")
    outputs = list(graph.outputs)
    mesh = prune(load(content), list(graph.inputs), [outputs[0], outputs[6], sampled[0].inputs[0]])
    refinement = prune(load(content), [o.outputs[0] for o in sampled], [o.inputs[0] for o in placed])
    return [mesh, refinement]
