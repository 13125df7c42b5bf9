"""One side of ``benchmarks.peers``, in a process of its own: measures the pictures whose paths it reads, one a line.

Runs with the Python of either side, so it needs nothing but that side's package: ``peer_worker.py core|here CORE``, where CORE
is the number of the processor core to stay on, or -1. Answers with a line of JSON for each picture.
"""

import json
import os
import resource
import sys
import time


def answers():
    """Standard output as it was; what libraries print goes to standard error."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def core():
    """Function that measures a picture with BQAT core's own engine, and its version."""
    import bqat_core

    try:
        import cv2

        cv2.setNumThreads(1)
    except ImportError:
        pass

    def measure(path):
        result = bqat_core.scan(path, mode="face", engine="bqat", type="file")
        return result.get("bbox_left") is not None, result.get("error")

    return measure, "BQAT core " + str(getattr(bqat_core, "__version__", "of unknown version"))


def here():
    """Function that measures a picture with this project's engine, and its version."""
    from bqat_pipeline.face import FaceEngine
    from bqat_pipeline.face.engine import ENGINE_VERSION

    engine = FaceEngine()

    def measure(path):
        return engine.analyse(path)["bbox_left"] is not None, None

    return measure, f"engine version {ENGINE_VERSION}"


def used():
    """CPU seconds of this process, all its threads, and of programs that it ran."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(t.ru_utime + t.ru_stime for t in times)


def main():
    side, number = sys.argv[1], int(sys.argv[2])
    channel = answers()

    def answer(**values):
        channel.write(json.dumps(values) + "\n")
        channel.flush()

    if number >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {number})
    try:
        measure, version = core() if side == "core" else here()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other process says it
        answer(failed=f"{type(error).__name__}: {error}")
        return
    answer(version=version, python=sys.version.split()[0])
    for line in sys.stdin:
        began, processor = time.perf_counter(), used()
        try:
            face, error = measure(line.rstrip("\n"))
        except Exception as problem:  # noqa: BLE001
            face, error = False, f"{type(problem).__name__}: {problem}"
        answer(wall=time.perf_counter() - began, cpu=used() - processor, face=face, error=str(error) if error else None)


if __name__ == "__main__":
    main()
