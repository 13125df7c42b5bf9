"""Speed of the face engine: ``python -m benchmarks.engine [--sizes 0.1 0.3 1 4 12] [--repeat 30] [--folder FOLDER]``.

Pictures are the portrait that ships in matplotlib, resized and encoded as JPEG (quality 92), or the files of FOLDER. The floor
is decode, one short-range detection and one landmark pass on the same bytes, measured in turn with the whole engine, so that the
ratio holds on a busy machine. Times are CPU milliseconds of one process, medians.
"""

import argparse
import multiprocessing
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

from bqat_pipeline.face import EngineOptions, FaceEngine, measures
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.nets.mesh import Roi
from bqat_pipeline.face.picture import identity
from bqat_pipeline.face.picture.decode import decode
from bqat_pipeline.face.picture.probe import probe
from bqat_pipeline.face.picture.pyramid import Pyramid

SHARED = ("pose", "aligned", "face", "person", "background")


def portrait(megapixels: float) -> bytes:
    """The sample portrait as a JPEG of about a size."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    image = cv2.imread(str(path))
    factor = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, None, fx=factor, fy=factor, interpolation=mode)
    return cv2.imencode(".jpg", resized, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


class Clock:
    """CPU milliseconds by name."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    def __call__(self, name: str, function: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = function()
        self.times[name].append(1000 * (time.process_time() - start))
        return result

    def median(self, name: str) -> float:
        """Median of one name."""
        return statistics.median(self.times[name])


def floor(analyser: Analyser, content: bytes) -> None:
    """The minimum of work for any engine with these models: decode, detection, landmarks."""
    picture = decode(content, probe(content, analyser.options.max_pixels))
    pyramid = Pyramid(picture.image, (picture.width, picture.height), picture.reduction - 1)
    boxes = analyser._finder._short.detect(pyramid, 0.5)
    analyser._finder._mesh.fit(pyramid, Roi.of(boxes[0]))


def stages(analyser: Analyser, content: bytes, clock: Clock) -> None:
    """One picture with every stage on its own; what families share is computed before them."""
    clock("sha256", lambda: identity.sha256(content))
    header = clock("probe", lambda: probe(content, analyser.options.max_pixels))
    picture = clock("decode", lambda: decode(content, header))
    pyramid = Pyramid(picture.image, (picture.width, picture.height), picture.reduction - 1)
    faces = clock("find faces", lambda: analyser._finder.find(pyramid))
    clock("phash256", lambda: identity.phash256(pyramid))
    context = FaceContext(picture, pyramid, faces, analyser._segmenter, header, len(content))
    for name in SHARED:
        clock(f"shared: {name}", lambda name=name: getattr(context, name))
    values: dict[str, object] = {}
    for family in (*measures.OF_PICTURE, *measures.OF_BOX, *measures.OF_FACE, *measures.OF_PERSON):
        name = family.__module__.rsplit(".", 1)[-1]
        values |= clock(f"measures: {name}", lambda family=family: family(context))
    for summary in measures.OF_VALUES:
        name = summary.__module__.rsplit(".", 1)[-1]
        clock(f"measures: {name}", lambda summary=summary: summary(values))


def by_size(sizes: list[float], repeat: int) -> None:
    """Floor, whole engine and their ratio by picture size; then the stages."""
    analyser, without = Analyser(EngineOptions()), Analyser(EngineOptions(background=False))
    print("| MP | floor ms | engine ms | ratio | ratio without background | images/s/core |\n|---|---|---|---|---|---|")
    clocks = {}
    for size in sizes:
        content, clock = portrait(size), Clock()
        analyser.row(content)
        without.row(content)
        for _ in range(max(5, round(repeat / max(1.0, size)))):
            clock("floor", lambda content=content: floor(analyser, content))
            clock("engine", lambda content=content: analyser.row(content))
            clock("without", lambda content=content: without.row(content))
            stages(analyser, content, clock)
        clocks[size] = clock
        low, whole, less = (clock.median(name) for name in ("floor", "engine", "without"))
        ratios = f"{whole / low:.2f} | {less / low:.2f}"
        print(f"| {size} | {low:.1f} | {whole:.1f} | {ratios} | {1000 / whole:.0f} |", flush=True)
    names = [n for n in clocks[sizes[0]].times if n not in ("floor", "engine", "without")]
    print("\n| stage, ms |", " | ".join(f"{s} MP" for s in sizes), "|\n|---|" + "---|" * len(sizes))
    for name in names:
        print(f"| {name} |", " | ".join(f"{clocks[s].median(name):.2f}" for s in sizes), "|")


_engine: FaceEngine | None = None


def _start() -> None:
    global _engine
    _engine = FaceEngine()
    _engine.analyse_batch([])  # loads the nets


def _count(source: bytes | str) -> str:
    assert _engine is not None
    return str(_engine.analyse(source)["status"])


def _memory(_: int) -> float:
    # Not ru_maxrss, which starts with the memory of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def by_processes(sources: list[bytes | str], processes: list[int]) -> None:
    """Images per second and largest memory of a worker, by number of processes."""
    print("\n| processes | images/s | MB per worker |\n|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for count in processes:
        with context.Pool(count, initializer=_start) as pool:
            pool.map(_count, sources[: 4 * count], chunksize=1)
            start = time.perf_counter()
            pool.map(_count, sources, chunksize=max(1, len(sources) // (8 * count)))
            seconds = time.perf_counter() - start
            memory = max(pool.map(_memory, range(4 * count), chunksize=1))
        print(f"| {count} | {len(sources) / seconds:.1f} | {memory:.0f} |", flush=True)


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 0.3, 1, 4, 12], help="megapixels")
    parser.add_argument("--repeat", type=int, default=30, help="measurements of a picture of up to 1 MP")
    parser.add_argument("--folder", type=Path, help="pictures for the run on processes instead of the portrait")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    by_size(arguments.sizes, arguments.repeat)
    if arguments.folder:
        sources: list[bytes | str] = [str(p) for p in sorted(arguments.folder.rglob("*")) if p.is_file()]
    else:
        sources = [portrait(size) for size in np.tile([0.1, 0.3, 1.0], 40)]
    by_processes(sources, arguments.processes)
    by_processes([portrait(12)] * 6, [1])


if __name__ == "__main__":
    main()
