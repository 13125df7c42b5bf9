"""BQAT core and this project's engine on the same files, in turns: ``python -m benchmarks.peers --bqat PATH``.

PATH is a checkout of BQAT core (the folder that holds ``bqat_core``), or a Python interpreter or a virtual environment in which ``bqat_core`` can
be imported. A checkout is run with its own ``.venv`` if it has one, with ``--python``, or with this Python; what BQAT core imports must be
installed there.

Each side is one process with one thread, both on the same core. They measure in turns, all pictures of a kind at a time, as a scan
measures one picture after the other: when the sides change after each picture, each finds the core's caches filled by the other one,
which costs this engine 6 ms a picture. Times are medians: CPU time of the process with what it starts, and time by the clock.

``--pictures FOLDER`` measures your own pictures instead of the drawn-up ones.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peer_worker
from benchmarks.engine import portrait, resized, without_face
from benchmarks.machine import Machine, Watch, describe, this_machine
from bqat_pipeline.sample import portraits

_TURN = 10  # pictures, at least, that a side measures before the other side does
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class PeerError(Exception):
    """Why BQAT core cannot be measured, as a sentence."""


@dataclass(frozen=True)
class Peer:
    """Where BQAT core is.

    Attributes
    ----------
    python : The interpreter that runs it.
    root : The folder that holds the package ``bqat_core``.
    """

    python: Path
    root: Path


@dataclass(frozen=True)
class Times:
    """Medians of one side on one kind of pictures.

    Attributes
    ----------
    cpu, wall : Seconds for a picture.
    faces : Share of the pictures on which a face was found.
    """

    cpu: float
    wall: float
    faces: float


def main(arguments: list[str] | None = None) -> int:
    """Print the comparison; return the exit status, 2 when BQAT core cannot be measured.

    Parameters
    ----------
    arguments : Command-line arguments; those of the process when None.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--bqat", type=Path, metavar="PATH", help="checkout of BQAT core, or Python or venv that has it"
    )
    parser.add_argument("--python", type=Path, help="Python with BQAT core's dependencies, for a checkout")
    parser.add_argument("--repeat", type=int, default=10, help="times that each picture is measured")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="measure the pictures directly in this folder")
    chosen = parser.parse_args(arguments)
    if chosen.repeat < 1:
        parser.error("--repeat takes a number from 1 on")
    try:
        peer = find_peer(chosen.bqat, chosen.python)
        machine, watch = this_machine(), Watch()
        print(describe(machine), flush=True)
        results = measure(peer, chosen.repeat, pictures() if chosen.pictures is None else own_pictures(chosen.pictures))
    except PeerError as error:
        print(error, file=sys.stderr)
        return 2
    watch.stop()
    report(results, machine, watch)
    return 0


def find_peer(path: Path | None, python: Path | None = None) -> Peer:
    """Where BQAT core is, from what a user named.

    Raises
    ------
    PeerError : when it is not there.
    """
    if path is None:
        raise PeerError(
            "Name BQAT core with --bqat PATH: a checkout (the folder that holds bqat_core), or a Python or a virtual environment that has it."
        )
    path = Path(os.path.abspath(path))  # not resolve(): a virtual environment is known by the link to its Python  # noqa: PTH100
    if (path / "bqat_core" / "__init__.py").is_file():
        own = path / ".venv" / "bin" / "python"
        return Peer(python or (own if own.exists() else Path(sys.executable)), path)
    interpreter = path / "bin" / "python" if path.is_dir() else path
    if not (interpreter.is_file() and os.access(interpreter, os.X_OK)):
        raise PeerError(
            f"{path} is no checkout of BQAT core (it holds no bqat_core), no Python and no virtual environment."
        )
    question = "import importlib.util as u; s = u.find_spec('bqat_core'); print(s.origin if s and s.origin else '')"
    try:
        done = subprocess.run([interpreter, "-c", question], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{interpreter} cannot be run as Python: {error}.") from None
    if done.returncode or not done.stdout.strip():
        raise PeerError(f"{interpreter} has no package bqat_core.")
    return Peer(interpreter, Path(done.stdout.strip()).parent.parent)


def pictures() -> dict[str, list[bytes]]:
    """JPEGs by kind: two portraits of 0.3 and of 1.5 MP, and one picture of 0.3 MP without a face."""
    collins = portraits()[0]
    sizes = {f"{size:g} MP": [portrait(size), resized(collins, size)] for size in (0.3, 1.5)}
    return {**sizes, "0.3 MP, no face": [without_face(0.3)]}


def own_pictures(folder: Path) -> dict[str, list[bytes]]:
    """The files directly in a folder, by name, as one kind.

    Raises
    ------
    PeerError : when it holds none, or one cannot be read.
    """
    try:
        contents = [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise PeerError(f"The pictures cannot be read: {error}.") from None
    if not contents:
        raise PeerError(f"{folder} holds no file.")
    return {f"{len(contents)} of {folder.resolve().name}": contents}


def measure(peer: Peer, repeat: int, kinds: dict[str, list[bytes]]) -> dict[str, tuple[Times, Times]]:
    """Times of BQAT core and of this engine, by kind of pictures.

    Parameters
    ----------
    repeat : Times that each picture is measured.
    kinds : Contents of files, by kind.

    Raises
    ------
    PeerError : when a side does not start, ends, or measures none of the portraits.
    """
    results = {}
    with (
        tempfile.TemporaryDirectory(prefix="bqat-peers-") as place,
        _worker(peer, Path(place)) as core,
        _worker() as here,
    ):
        for kind, contents in kinds.items():
            files = []
            for number, content in enumerate(contents):
                files.append(Path(place) / f"{number} {kind}.jpg")
                files[-1].write_bytes(content)
            for side in (core, here):  # the first picture loads the nets
                first = side(files[0])
                if first["error"]:
                    raise PeerError(f"{side.name} measured nothing: {first['error']}.")
            answers = _in_turns((core, here), files, repeat)
            results[kind] = _times(answers[0]), _times(answers[1])
            print(f"{kind}: {len(files)} pictures, measured {repeat} times each, in turns", flush=True)
    return results


def report(results: dict[str, tuple[Times, Times]], machine: Machine, watch: Watch) -> None:
    """Print a table, and the load."""
    print(
        "\n| pictures | BQAT core: CPU ms, images/s, faces | here | ratio of CPU time | ratio by the clock |\n|---|---|---|---|---|"
    )
    for kind, (core, here) in results.items():
        sides = " | ".join(f"{1000 * s.cpu:.1f}, {1 / s.wall:.1f}, {s.faces:.0%}" for s in (core, here))
        print(f"| {kind} | {sides} | {core.cpu / here.cpu:.1f} | {core.wall / here.wall:.1f} |")
    if any(core.faces < here.faces for core, here in results.values()):
        print("BQAT core found fewer faces: where it finds none it measures less, and its times say less.")
    print(watch.load_in_words)
    if watch.loaded(machine.cores):
        print("*** LOADED MACHINE: the ratio of CPU time still tells something, the clock does not. ***")


def _in_turns(sides: "tuple[_Side, ...]", files: list[Path], repeat: int) -> list[list[dict[str, Any]]]:
    """What each side answers. A turn is at least _TURN pictures; its first, which fills the caches anew, does not count."""
    rounds = max(1, -(-_TURN // len(files)))
    answers: list[list[dict[str, Any]]] = [[] for _ in sides]
    while len(answers[0]) < repeat * len(files):
        for side, said in zip(sides, answers, strict=True):
            side(files[-1])
            said.extend(side(file) for _ in range(min(rounds, repeat)) for file in files)
    return answers


def _times(answers: list[dict[str, Any]]) -> Times:
    return Times(
        statistics.median(a["cpu"] for a in answers),
        statistics.median(a["wall"] for a in answers),
        statistics.fmean(a["face"] for a in answers),
    )


class _Side:
    """A process that measures one picture at a time."""

    def __init__(self, name: str, process: "subprocess.Popen[str]", log: Path) -> None:
        self.name, self._process, self._log = name, process, log
        started = self._answer()
        if "failed" in started:
            raise PeerError(f"{name} cannot be started with {process.args[0]}: {started['failed']}.")  # type: ignore[index]
        print(f"{name}: {started['version']}, Python {started['python']}", flush=True)

    def __call__(self, file: Path) -> dict[str, Any]:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{file}\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = self._log.read_text(errors="replace").strip().splitlines()
            raise PeerError(f"{self.name} ended: {said[-1] if said else 'it said nothing'}.")
        return json.loads(line)


@contextmanager
def _worker(peer: Peer | None = None, place: Path | None = None) -> Iterator[_Side]:
    """The process of BQAT core in a folder as it expects it, or that of this engine."""
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    name, python, side, folder = "this engine", Path(sys.executable), "here", Path(__file__).parent.parent
    if peer is not None and place is not None:
        name, python, side, folder = "BQAT core", peer.python, "core", place / "core"
        folder.mkdir()
        # It reads its models by paths below the working folder, some of them without the package's name.
        (folder / "bqat_core").symlink_to(peer.root / "bqat_core")
        (folder / "BQAT").symlink_to(peer.root / "bqat_core" / "misc" / "BQAT")
    environment["PYTHONPATH"] = str(peer.root if peer else folder)
    number = str(max(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else "-1"
    with tempfile.TemporaryDirectory(prefix="bqat-peers-") as logs:
        log = Path(logs) / "log"
        with log.open("w") as errors:
            try:
                process = subprocess.Popen(
                    [str(python), peer_worker.__file__, side, number],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            except OSError as error:
                raise PeerError(f"{python} cannot be run as Python: {error}.") from None
        with process:
            try:
                yield _Side(name, process, log)
            finally:
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
