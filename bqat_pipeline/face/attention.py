"""The attention mesh model cut into two parts that plain LiteRT can run.

``face_landmark_with_attention.tflite`` joins two parts of ordinary operators by three custom ones that exist only inside
mediapipe. Part A goes from the 192 px face crop to 468 points, a 48 x 48 x 32 feature map and the face flag; part B from
three 16 x 16 x 32 crops of the feature map (lips, both eyes) to refined points and irises. The custom operators in
between are written anew in ``mesh.py``; their parameters are read from the model itself.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bqat_pipeline.face.errors import ModelError
from bqat_pipeline.face.models import ATTENTION_MESH, cached_file, model_bytes, write_atomically

_IDENTIFIER = b"TFL3"
_SAMPLE_OPERATOR = b"TransformTensorBilinear"
_PLACE_OPERATOR = b"TransformLandmarks"
_CUT_VERSION = 1  # raised when the cut changes; part of the cached file's name


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
    """The two parts and the regions; taken from the cache folder when they were cut before."""
    places = [cached_file(f"attention-{part}-{ATTENTION_MESH.sha256[:12]}-v{_CUT_VERSION}.tflite") for part in "ab"]
    parts = [_read_checked(place) for place in places]
    if not all(parts):
        parts = list(_cut(model_bytes(ATTENTION_MESH)))
        for place, part in zip(places, parts, strict=True):
            if place:
                write_atomically(place, hashlib.sha256(part).digest() + part)
    return SplitModel(parts[0], parts[1], _regions())


def _read_checked(place: Path | None) -> bytes:
    """A cached part without the digest that leads its file; empty when there is none or the digest does not fit."""
    try:
        content = place.read_bytes() if place else b""
    except OSError:
        return b""
    return content[32:] if hashlib.sha256(content[32:]).digest() == content[:32] else b""


def _regions() -> tuple[Region, Region, Region]:
    """Lips, eye on the image left (subject's right), eye on the image right, as the model's own parameters say."""
    from bqat_pipeline.face.landmarks import LEFT_EYE_REGION, LIPS_REGION, RIGHT_EYE_REGION

    return (
        Region(np.array(LIPS_REGION), 61, 291),
        Region(np.array(RIGHT_EYE_REGION), 33, 133),
        Region(np.array(LEFT_EYE_REGION), 362, 263),
    )


def _cut(content: bytes) -> tuple[bytes, bytes]:
    from ai_edge_litert import schema_py_generated as schema

    def load() -> Any:
        return schema.ModelT.InitFromPackedBuf(content, 0)

    model = load()
    graph = model.subgraphs[0]
    codes = [model.operatorCodes[o.opcodeIndex].customCode for o in graph.operators]
    sampled = [o for o, code in zip(graph.operators, codes, strict=True) if code == _SAMPLE_OPERATOR]
    placed = [o for o, code in zip(graph.operators, codes, strict=True) if code == _PLACE_OPERATOR]
    if len(sampled) != 3 or len(placed) != 5:
        raise ModelError("the attention mesh model does not have the operators it is cut at")
    outputs = list(graph.outputs)
    mesh = _prune(schema, load(), list(graph.inputs), [outputs[0], outputs[6], sampled[0].inputs[0]])
    refinement = _prune(schema, load(), [o.outputs[0] for o in sampled], [o.inputs[0] for o in placed])
    return mesh, refinement


def _prune(schema: Any, model: Any, inputs: list[int], outputs: list[int]) -> bytes:
    """The flatbuffer of the operators that lead from ``inputs`` to ``outputs`` (tensor numbers), and nothing else."""
    import flatbuffers

    graph = model.subgraphs[0]
    producer = {tensor: o for o in graph.operators for tensor in o.outputs}
    needed: set[int] = set()
    tensors = set(inputs) | set(outputs)
    pending = [t for t in outputs if t not in inputs]
    while pending:
        operator = producer.get(pending.pop())
        if operator is None or id(operator) in needed:
            continue
        needed.add(id(operator))
        for tensor in (*operator.inputs, *operator.outputs):
            if tensor >= 0:
                tensors.add(tensor)
        pending.extend(t for t in operator.inputs if t >= 0 and t not in inputs)
    kept = sorted(tensors)
    tensor_number = {old: new for new, old in enumerate(kept)}
    graph.operators = [o for o in graph.operators if id(o) in needed]
    for operator in graph.operators:
        operator.inputs = [tensor_number.get(t, -1) for t in operator.inputs]
        operator.outputs = [tensor_number[t] for t in operator.outputs]
    graph.tensors = [graph.tensors[t] for t in kept]
    graph.inputs = [tensor_number[t] for t in inputs]
    graph.outputs = [tensor_number[t] for t in outputs]
    used = sorted({0, *(t.buffer for t in graph.tensors)})
    buffer_number = {old: new for new, old in enumerate(used)}
    model.buffers = [model.buffers[b] for b in used]
    for tensor in graph.tensors:
        tensor.buffer = buffer_number[tensor.buffer]
    model.metadata, model.metadataBuffer, model.signatureDefs = [], [], []
    builder = flatbuffers.Builder(1 << 21)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
