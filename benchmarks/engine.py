"""Speed of the face engine: ``python -m benchmarks.engine [--sizes 0.1 0.3 1 4 12] [--repeat 30] [--folder FOLDER]``.

Pictures are the portrait that ships in matplotlib, resized and encoded as JPEG (quality 92), or the files of FOLDER. The floor
is decode, one short-range detection and one landmark pass on the same bytes, measured in turn with the whole engine, so that the
ratio holds on a busy machine; so is a picture without a face. Times are CPU milliseconds of one process, medians.
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
import skimage

from benchmarks.figures import Figure, write_measured
from benchmarks.memory import peak_mb
from bqat_pipeline.face import EngineOptions, FaceEngine, measures
from bqat_pipeline.face.analysis import Analyser
from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.nets.mesh import Roi
from bqat_pipeline.face.picture import identity
from bqat_pipeline.face.picture.decode import decode
from bqat_pipeline.face.picture.probe import probe
from bqat_pipeline.face.picture.pyramid import Pyramid

_WHOLE = ("floor", "engine", "without", "no face")
SHARED = ("pose", "aligned", "face", "person", "background")


def portrait(megapixels: float) -> bytes:
    """The sample portrait as a JPEG of about a size."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return resized(cv2.imread(str(path)), megapixels)


def without_face(megapixels: float) -> bytes:
    """A cup of coffee, as a JPEG of about a size."""
    return resized(cv2.imread(str(Path(skimage.__file__).parent / "data" / "coffee.png")), megapixels)


def resized(image: np.ndarray, megapixels: float) -> bytes:
    """A picture as a JPEG of about a size."""
    factor = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    changed = cv2.resize(image, None, fx=factor, fy=factor, interpolation=mode)
    return cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


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


def by_size(sizes: list[float], repeat: int) -> list[Figure]:
    """Floor, whole engine and their ratio by picture size, printed and as figures; then the stages."""
    analyser, without = Analyser(EngineOptions()), Analyser(EngineOptions(background=False))
    print("| MP | floor ms | engine ms | ratio | ratio without background | no face ms | images/s/core |")
    print("|---|---|---|---|---|---|---|")
    clocks, figures = {}, []
    for size in sizes:
        content, faceless, clock = portrait(size), without_face(size), Clock()
        analyser.row(content)
        without.row(content)
        for _ in range(max(5, round(repeat / max(1.0, size)))):
            clock("floor", lambda content=content: floor(analyser, content))
            clock("engine", lambda content=content: analyser.row(content))
            clock("without", lambda content=content: without.row(content))
            if len(clock.times["no face"]) < 5:
                clock("no face", lambda content=faceless: analyser.row(content))
            stages(analyser, content, clock)
        clocks[size] = clock
        low, whole, less, none = (clock.median(name) for name in _WHOLE)
        ratios = f"{whole / low:.2f} | {less / low:.2f}"
        print(f"| {size} | {low:.1f} | {whole:.1f} | {ratios} | {none:.1f} | {1000 / whole:.0f} |", flush=True)
        figures.append(Figure(f"engine / floor, {size:g} MP", whole / low, "x", "ratio"))
        figures.append(Figure(f"engine without background / floor, {size:g} MP", less / low, "x", "ratio"))
        figures.append(Figure(f"no face / face, {size:g} MP", none / whole, "x", "ratio"))
        figures.append(Figure(f"engine, {size:g} MP", whole, "ms", "cpu"))
    names = [n for n in clocks[sizes[0]].times if n not in _WHOLE]
    print("\n| stage, ms |", " | ".join(f"{s} MP" for s in sizes), "|\n|---|" + "---|" * len(sizes))
    for name in names:
        print(f"| {name} |", " | ".join(f"{clocks[s].median(name):.2f}" for s in sizes), "|")
    return figures


_engine: FaceEngine | None = None


def _start() -> None:
    global _engine
    _engine = FaceEngine()
    _engine.analyse_batch([])  # loads the nets


def _count(source: bytes | str) -> str:
    assert _engine is not None
    return str(_engine.analyse(source)["status"])


def _memory(_: int) -> float:
    return peak_mb()


def by_processes(sources: list[bytes | str], processes: list[int]) -> tuple[dict[int, float], float]:
    """Images per second by number of processes, and the largest memory of a worker, MB; printed as well."""
    print("\n| processes | images/s | MB per worker |\n|---|---|---|")
    context, rates, largest = multiprocessing.get_context("spawn"), {}, 0.0
    for count in processes:
        with context.Pool(count, initializer=_start) as pool:
            pool.map(_count, sources[: 4 * count], chunksize=1)
            start = time.perf_counter()
            pool.map(_count, sources, chunksize=max(1, len(sources) // (8 * count)))
            seconds = time.perf_counter() - start
            memory = max(pool.map(_memory, range(4 * count), chunksize=1))
        rates[count], largest = len(sources) / seconds, max(largest, memory)
        print(f"| {count} | {rates[count]:.1f} | {memory:.0f} |", flush=True)
    return rates, largest


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1, 0.3, 1, 4, 12], help="megapixels")
    parser.add_argument("--repeat", type=int, default=30, help="measurements of a picture of up to 1 MP")
    parser.add_argument("--folder", type=Path, help="pictures for the run on processes instead of the portrait")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--figures", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    figures = by_size(arguments.sizes, arguments.repeat)
    if arguments.folder:
        sources: list[bytes | str] = [str(p) for p in sorted(arguments.folder.rglob("*")) if p.is_file()]
    else:
        sources = [portrait(size) for size in np.tile([0.1, 0.3, 1.0], 40)]
    rates, _ = by_processes(sources, arguments.processes)
    figures += [
        Figure(f"engine, {n} {'process' if n == 1 else 'processes'}", rate, "images/s", "wall", True)
        for n, rate in rates.items()
    ]
    _, memory = by_processes([portrait(12)] * 6, [1])
    figures.append(Figure("engine, worker with pictures of 12 MP", memory, "MB", "memory"))
    write_measured(arguments.figures, figures)


if __name__ == "__main__":
    main()
