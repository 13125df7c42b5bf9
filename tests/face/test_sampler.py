"""Rows do not depend on a profiler that looks at the frames of the thread that measures."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from bqat_pipeline.face import FaceEngine
from bqat_pipeline.face.nets.models import SHORT_RANGE, model_bytes
from bqat_pipeline.face.nets.runner import Net
from tests.face.conftest import encoded


@contextmanager
def frames_held(seconds: float) -> Iterator[list[int]]:
    """A thread that keeps the frames of all threads for a while, again and again, as Dask's profiler does."""
    stop, looks = threading.Event(), [0]

    def look() -> None:
        while not stop.is_set():
            frames = sys._current_frames()
            for frame in frames.values():
                while frame is not None:
                    frame = frame.f_back
            looks[0] += 1
            time.sleep(seconds)
            del frames

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield looks
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("seconds", [0.01, 0.001])
def test_good_pictures_are_measured_while_a_thread_holds_frames(
    engine: FaceEngine, hopper: np.ndarray, seconds: float
) -> None:
    content = encoded(hopper)
    undisturbed = engine.analyse(content)
    with frames_held(seconds) as looks:
        rows = [engine.analyse(content) for _ in range(25)]
    assert looks[0]
    assert all(row == undisturbed for row in rows)


def test_net_runs_again_when_its_memory_was_referred_to_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net(model_bytes(SHORT_RANGE))
    expected = net.run()
    interpreters = [o for o in vars(net).values() if isinstance(o, Interpreter)]
    held = [interpreters[0].tensor(0)()]
    monkeypatch.setattr(time, "sleep", lambda _: held.clear())
    for name, values in net.run().items():
        np.testing.assert_array_equal(values, expected[name])
    assert not held
