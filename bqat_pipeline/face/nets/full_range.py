"""The full-range detector cut where its heads part: boxes are computed only when a score asks for them.

Most runs of this net find no box, and the head of the boxes takes 4 % of a run. Both parts together give what the whole
net gives.
"""

from typing import Any

from bqat_pipeline.face.nets.flatbuffer import derived_models, load, prune
from bqat_pipeline.face.nets.models import FULL_RANGE


def split_full_range() -> tuple[bytes, bytes]:
    """The part from the picture to scores and a feature map, and the part from the feature map to boxes.

    Raises
    ------
    ModelError : when the model file is missing or not the known one.
    """
    scores, boxes = derived_models(("full-range-scores", "full-range-boxes"), FULL_RANGE, _cut)
    return scores, boxes


def _cut(content: bytes) -> list[bytes]:
    graph = load(content).subgraphs[0]
    boxes, scores = sorted(graph.outputs, key=lambda tensor: -graph.tensors[tensor].shape[-1])
    last_shared = max(_operators(graph, boxes) & _operators(graph, scores))
    features = graph.operators[last_shared].outputs[0]
    return [
        prune(load(content), list(graph.inputs), [scores, features]),
        prune(load(content), [features], [boxes]),
    ]


def _operators(graph: Any, tensor: int) -> set[int]:
    """Positions of the operators that lead to a tensor; they stand in the order in which they run."""
    producer = {output: number for number, o in enumerate(graph.operators) for output in o.outputs}
    found: set[int] = set()
    pending = [tensor]
    while pending:
        number = producer.get(pending.pop())
        if number is not None and number not in found:
            found.add(number)
            pending.extend(graph.operators[number].inputs)
    return found
