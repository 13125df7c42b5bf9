"""Running a model with LiteRT."""

import time
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

# LiteRT refuses to run while another reference to its memory exists, for example a debugger's or a profiler's.
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.05


class Net:
    """A LiteRT interpreter with one thread: arrays in, copies of the outputs out.

    One thread and batch size 1 are deliberate: more of either gained nothing on CPU. Use more processes instead.

    Inputs are arrays of our own, which ``run`` copies. Views of LiteRT's memory would be kept alive by whoever keeps
    stack frames (profilers, Dask's workers), and LiteRT would refuse to run.
    """

    def __init__(self, content: bytes) -> None:
        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._details = self._interpreter.get_input_details()
        self._inputs = [np.zeros(d["shape"], d["dtype"]) for d in self._details]
        self._output = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the first input."""
        return self._inputs[0].shape

    def input(self, position: int = 0) -> np.ndarray:
        """Array of an input; write to it before ``run``."""
        return self._inputs[position]

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in order."""
        return [d["name"] for d in self._details]

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the outputs by name."""
        return {d["name"]: tuple(d["shape"].tolist()) for d in self._interpreter.get_output_details()}

    def run(self) -> dict[str, np.ndarray]:
        """Run the net on what was written to its inputs; copies of all outputs by name.

        Raises
        ------
        RuntimeError : when LiteRT refuses three times, with pauses of 0.05 s.
        """
        self.invoke()
        return {name: self.output(name) for name in self._output}

    def invoke(self) -> None:
        """As ``run``, for callers that need only some of the outputs."""
        for detail, values in zip(self._details, self._inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], values)
        for _ in range(_ATTEMPTS - 1):
            try:
                self._interpreter.invoke()
                break
            except RuntimeError:
                time.sleep(_PAUSE_SECONDS)
        else:
            self._interpreter.invoke()

    def output(self, name: str) -> np.ndarray:
        """Copy of an output of the last run."""
        values: np.ndarray = self._interpreter.get_tensor(self._output[name])
        return values
