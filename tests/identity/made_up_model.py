"""A made-up network in dlib's file format, small enough for tests: the real file has 22 MB and is not part of them."""

import numpy as np

from bqat_pipeline.identity.architecture import Architecture, Stage
from bqat_pipeline.identity.weights import Weights

# Resolutions 8, 7, 3, 1 for the convolutions and 4 and 2 for what they are added to, as in the real network.
TINY = Architecture(35, 2, (Stage(2, 1, halves=False), Stage(3, 2, halves=True), Stage(4, 1, halves=True)), 5)


def dat(architecture: Architecture = TINY, seed: int = 0) -> bytes:
    """Bytes of a file as dlib writes it: each layer's name, tensor, and numbers that the reader passes over."""
    draw = np.random.default_rng(seed)
    out = bytearray(_integer(1) * 20 + _text("input_rgb_image_sized") + _integer(architecture.chip) * 2)
    for spec in architecture.convolutions:
        count = spec.outputs * (spec.inputs * spec.kernel**2 + 1)
        out += _text("con_4") + _tensor(draw.normal(0, 0.3, count)) + _integer(spec.outputs) + b"\x01\x03" * 12
        out += _text("affine_") + _tensor(draw.normal(1, 0.2, 2 * spec.outputs)) + _integer(0) * 9
        out += _text("relu_110") + _integer(0) * 9
    projection = draw.normal(0, 0.5, (architecture.channels, architecture.outputs))
    out += _text("fc_2") + _integer(architecture.outputs) + _integer(architecture.channels)
    out += _tensor(projection) + _integer(1) * 4
    return bytes(out)


def computed_by_hand(architecture: Architecture, weights: Weights, chip: np.ndarray) -> np.ndarray:
    """(outputs,) what the network says about (3, h, w) float32, in plain NumPy after the description of the layers."""

    def convolved(value: np.ndarray, number: int) -> np.ndarray:
        spec, layer = architecture.convolutions[number], weights.convolutions[number]
        p, s = spec.padding, spec.stride
        windows = _windows(np.pad(value, ((0, 0), (p, p), (p, p))), spec.kernel, s)
        return np.einsum("chwij,ocij->ohw", windows, layer.weights) + layer.bias[:, None, None]

    value = np.maximum(convolved(chip, 0), 0)
    value = _windows(value, 3, 2).max(axis=(3, 4))
    number = 1
    for stage in architecture.stages:
        for block in range(stage.blocks):
            inner = convolved(np.maximum(convolved(value, number), 0), number + 1)
            number += 2
            if stage.halves and block == 0:
                value = _windows(value, 2, 2).mean(axis=(3, 4))
            shape = np.maximum(inner.shape, value.shape)
            value = np.maximum(_grown(inner, shape) + _grown(value, shape), 0)
    return value.mean(axis=(1, 2)) @ weights.projection


def _windows(value: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    view = np.lib.stride_tricks.sliding_window_view(value, (kernel, kernel), axis=(1, 2))
    return view[:, ::stride, ::stride]


def _grown(value: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.pad(value, [(0, int(wanted) - had) for had, wanted in zip(value.shape, shape, strict=True)])


def _integer(value: int) -> bytes:
    digits = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "little")
    return bytes([len(digits)]) + digits


def _text(text: str) -> bytes:
    return _integer(len(text)) + text.encode()


def _tensor(values: np.ndarray) -> bytes:
    rows, columns = values.shape if values.ndim == 2 else (len(values), 1)
    head = b"".join(_integer(n) for n in (2, rows, columns, 1, 1))
    return head + values.astype("<f4").tobytes()
