"""The layers of dlib's face recognition network: a residual network of 29 convolutions.

Described in dlib's example ``dnn_face_recognition_ex.cpp`` (``anet_type``); written down here as numbers.
"""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class ConvolutionSpec:
    """One convolution: ``outputs`` filters over ``inputs`` channels, square, padded by ``padding`` px on each side."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True)
class Stage:
    """Residual blocks of two 3 x 3 convolutions; ``halves``: the first block halves the resolution."""

    channels: int
    blocks: int
    halves: bool


@dataclass(frozen=True)
class Architecture:
    """The network from a square chip to a template.

    Attributes
    ----------
    chip : Width and height of the chip, px.
    stem : Filters of the first convolution, 7 x 7 with stride 2, followed by a 3 x 3 maximum with stride 2.
    stages : Residual stages, in order.
    outputs : Numbers of a template.
    """

    chip: int
    stem: int
    stages: tuple[Stage, ...]
    outputs: int

    @property
    def channels(self) -> int:
        """Channels after the last stage."""
        return self.stages[-1].channels

    @cached_property
    def convolutions(self) -> tuple[ConvolutionSpec, ...]:
        """All convolutions in the order in which the picture passes them: the stem, then two for each block."""
        found = [ConvolutionSpec(3, self.stem, 7, 2, 0)]
        channels = self.stem
        for stage in self.stages:
            for block in range(stage.blocks):
                first = ConvolutionSpec(channels, stage.channels, 3, 1, 1)
                if stage.halves and block == 0:
                    first = ConvolutionSpec(channels, stage.channels, 3, 2, 0)
                found += [first, ConvolutionSpec(stage.channels, stage.channels, 3, 1, 1)]
                channels = stage.channels
        return tuple(found)


DLIB = Architecture(
    chip=150,
    stem=32,
    stages=(
        Stage(32, 3, halves=False),
        Stage(64, 4, halves=True),
        Stage(128, 3, halves=True),
        Stage(256, 3, halves=True),
        Stage(256, 1, halves=True),
    ),
    outputs=128,
)
