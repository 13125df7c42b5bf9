"""Models loaded into LiteRT."""

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Net:
    """A LiteRT interpreter with one thread: arrays in, copies of the outputs out.

    One thread and batch size 1 are deliberate: more of either gained nothing on CPU; scale by processes.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()
        self._output = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the first input."""
        return tuple(int(n) for n in self._input[0]["shape"])

    def input(self, position: int = 0) -> np.ndarray:
        """Writable view of an input tensor. Drop it before the next call of ``run``."""
        view: np.ndarray = self._interpreter.tensor(self._input[position]["index"])()
        return view

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in order."""
        return [d["name"] for d in self._input]

    def run(self) -> dict[str, np.ndarray]:
        """Run the net on what was written to its inputs; copies of all outputs by name."""
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._output.items()}
