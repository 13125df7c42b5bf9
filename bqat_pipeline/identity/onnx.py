"""Writes the network as an ONNX model, which OpenCV's dnn reads from memory; the onnx package is not needed.

Protocol buffers on the wire: a field is its number and kind, then a varint or a length with bytes. Field numbers are
those of ``onnx.proto`` (ONNX IR version 8, operator set 13). Kernel sizes and the shapes of inputs and outputs are
written out, because OpenCV 4.11 does not infer them.
"""

from collections.abc import Iterable

import numpy as np

from bqat_pipeline.identity.architecture import Architecture
from bqat_pipeline.identity.weights import Convolution, Weights

INPUT, OUTPUT = "chip", "template"
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_IR_VERSION, _OPERATOR_SET = 8, 13


def model(architecture: Architecture, weights: Weights) -> bytes:
    """The ONNX model: (1, 3, chip, chip) float32 to (1, outputs) float32."""
    graph = _Graph()
    value = _stem(graph, architecture, weights)
    size = ((architecture.chip - 7) // 2 + 1 - 3) // 2 + 1
    channels, number = architecture.stem, 1
    for stage in architecture.stages:
        for block in range(stage.blocks):
            halves = stage.halves and block == 0
            pair = architecture.convolutions[number : number + 2]
            inner = value
            for offset, spec in enumerate(pair):
                inner = graph.convolution(inner, weights.convolutions[number + offset], spec.stride, spec.padding)
                if offset == 0:
                    inner = graph.node("Relu", [inner])
            if halves:
                # dlib adds what is there: the smaller of two is filled up with zeros, in channels and on the right
                # and at the bottom.
                direct, averaged = (size - 3) // 2 + 1, (size - 2) // 2 + 1
                value = graph.pool("AveragePool", value, 2, 2)
                size = max(direct, averaged)
                inner = graph.fill_up(inner, 0, size - direct)
                value = graph.fill_up(value, stage.channels - channels, size - averaged)
            value = graph.node("Relu", [graph.node("Add", [inner, value])])
            channels, number = stage.channels, number + 2
    value = graph.pool("AveragePool", value, size, 1)
    value = graph.node("Flatten", [value], axis=1)
    graph.node("MatMul", [value, graph.constant(weights.projection)], output=OUTPUT)
    return graph.model((1, 3, architecture.chip, architecture.chip), (1, architecture.outputs))


def _stem(graph: "_Graph", architecture: Architecture, weights: Weights) -> str:
    first = architecture.convolutions[0]
    value = graph.convolution(INPUT, weights.convolutions[0], first.stride, first.padding)
    return graph.pool("MaxPool", graph.node("Relu", [value]), 3, 2)


class _Graph:
    """Nodes and constants of a graph that is being written."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, values: np.ndarray) -> str:
        """Name of a constant tensor, float32 or int64."""
        name = f"c{len(self._constants)}"
        kind = _INT64 if values.dtype == np.int64 else _FLOAT
        dims = b"".join(_number(1, int(n)) for n in values.shape)
        self._constants.append(
            dims + _number(2, kind) + _text(8, name) + _bytes(9, np.ascontiguousarray(values).tobytes())
        )
        return name

    def node(self, operator: str, inputs: list[str], output: str = "", **attributes: int | list[int]) -> str:
        """Name of the output of a new node."""
        name = output or f"v{len(self._nodes)}"
        parts = [_text(1, value) for value in inputs]
        parts += [_text(2, name), _text(3, name), _text(4, operator)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return name

    def convolution(self, value: str, parameters: Convolution, stride: int, padding: int) -> str:
        """A convolution with bias."""
        kernel = parameters.weights.shape[-1]
        return self.node(
            "Conv",
            [value, self.constant(parameters.weights), self.constant(parameters.bias)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[padding] * 4,
        )

    def pool(self, operator: str, value: str, kernel: int, stride: int) -> str:
        """A square pooling without padding."""
        return self.node(operator, [value], kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[0] * 4)

    def fill_up(self, value: str, channels: int, pixels: int) -> str:
        """Zeros behind the channels, on the right and at the bottom; the value itself when there is nothing to add."""
        if not channels and not pixels:
            return value
        ends = self.constant(np.array([0, 0, 0, 0, 0, channels, pixels, pixels], np.int64))
        return self.node("Pad", [value, ends])

    def model(self, entry: Iterable[int], end: Iterable[int]) -> bytes:
        """The serialised ModelProto."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "identity")
        graph += b"".join(_bytes(5, constant) for constant in self._constants)
        graph += _bytes(11, _value(INPUT, entry)) + _bytes(12, _value(OUTPUT, end))
        return _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, _OPERATOR_SET))


def _value(name: str, shape: Iterable[int]) -> bytes:
    """ValueInfoProto of a float tensor."""
    dims = b"".join(_bytes(1, _number(1, length)) for length in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, dims)))


def _attribute(name: str, value: int | list[int]) -> bytes:
    """AttributeProto of an integer or of integers."""
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, n) for n in value) + _number(20, 7)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
