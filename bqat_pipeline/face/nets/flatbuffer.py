"""Models derived from a model file by editing its flatbuffer, kept in the user's cache folder."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bqat_pipeline.face.nets.models import ModelFile, cached_file, model_bytes, write_atomically

_IDENTIFIER = b"TFL3"
_VERSION = 2  # raise it when an edit changes; part of the cached files' names
_DIGEST = 32  # bytes of the SHA-256 at the start of a cached file


def derived_models(names: Sequence[str], source: ModelFile, make: Callable[[bytes], list[bytes]]) -> list[bytes]:
    """Models that ``make`` derives from a model file, one for each name; cached in files after the first time."""
    places = [cached_file(f"{name}-{source.sha256[:12]}-v{_VERSION}.tflite") for name in names]
    models = [_read_checked(place) for place in places]
    if not all(models):
        models = make(model_bytes(source))
        for place, model in zip(places, models, strict=True):
            if place:
                write_atomically(place, hashlib.sha256(model).digest() + model)
    return models


def load(content: bytes) -> Any:
    """A model as an editable object tree of LiteRT's schema."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def pack(model: Any) -> bytes:
    """The flatbuffer of an object tree."""
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(1 << 21)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def prune(model: Any, inputs: list[int], outputs: list[int]) -> bytes:
    """The flatbuffer of only those operators that lead from ``inputs`` to ``outputs`` (numbers of tensors).

    Changes ``model``.
    """
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
    return pack(model)


def _read_checked(place: Path | None) -> bytes:
    """A cached model without its digest; empty when there is no file or its content has changed."""
    try:
        content = place.read_bytes() if place else b""
    except OSError:
        return b""
    model = content[_DIGEST:]
    return model if hashlib.sha256(model).digest() == content[:_DIGEST] else b""
