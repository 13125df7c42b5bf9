"""The machine that figures come from: processor, cores, load, versions; and the kind of machine it is."""

import os
import platform
import resource
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from bqat_pipeline.execution.executors import available_cores

# From the widest vectors to the narrowest; the nets' kernels are chosen by these.
_VECTORS = (
    ("amx", ("amx_tile",)),
    ("avx512", ("avx512f",)),
    ("avx2", ("avx2", "fma")),
    ("avx", ("avx",)),
    ("sve", ("sve",)),
    ("neon", ("asimd",)),
)
_SHOWN = ("sse4_2", "avx", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "amx_tile", "amx_int8")
_SHOWN_ARM = ("asimd", "asimddp", "i8mm", "sve", "sve2")
LIBRARIES = ("ai-edge-litert", "numpy", "opencv-python-headless", "pillow", "pyarrow", "duckdb", "dagster")


@dataclass(frozen=True)
class Machine:
    """A processor and how many of its cores may be used.

    Attributes
    ----------
    model : Name of the processor, as the system gives it.
    architecture : ``x86`` or ``arm``, else the system's word.
    flags : What the processor says it can do, in the system's words.
    cores : Cores that this process may use.
    """

    model: str
    architecture: str
    flags: frozenset[str]
    cores: int

    @property
    def vectors(self) -> str:
        """The widest vector instructions: amx, avx512, avx2, avx, sve, neon, or ``plain``."""
        return next((name for name, needed in _VECTORS if self.flags.issuperset(needed)), "plain")

    @property
    def kind(self) -> str:
        """Machines of one kind are compared with each other: architecture, vector instructions, cores."""
        return f"{self.architecture}-{self.vectors}-{self.cores}core{'' if self.cores == 1 else 's'}"

    @property
    def shown_flags(self) -> list[str]:
        """The flags that matter here, of those that the processor has."""
        return [flag for flag in (*_SHOWN, *_SHOWN_ARM) if flag in self.flags]


def this_machine() -> Machine:
    """The machine on which this runs."""
    architecture = {"x86_64": "x86", "amd64": "x86", "aarch64": "arm", "arm64": "arm"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    model, flags = _processor()
    return Machine(model, architecture, frozenset(flags), available_cores())


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries on which speed and rows depend."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


class Watch:
    """Load of the machine before and after a measurement, and what others used of it meanwhile.

    The 1-minute load counts the measurement itself and remembers the minute before, so that the second figure says more:
    cores that were busy with anything but this process and those that it started.
    """

    def __init__(self) -> None:
        self.before = _load()
        self.after: float | None = None
        self.others: float | None = None
        self._started, self._busy, self._own = time.monotonic(), _busy(), _own()

    def stop(self) -> None:
        """End of the measurement."""
        self.after = _load()
        seconds = max(1e-3, time.monotonic() - self._started)
        self.others = max(0.0, (_busy() - self._busy - (_own() - self._own)) / seconds)

    @property
    def others_in_words(self) -> str:
        """What other work used of the machine meanwhile."""
        return f"other work used {self.others or 0.0:.1f} cores meanwhile"

    @property
    def load_in_words(self) -> str:
        """Load before and after, and what other work used."""
        return f"load before: {self.before:.1f}, after: {self.after or 0.0:.1f} (with this run's own); {self.others_in_words}"

    def loaded(self, cores: int) -> bool:
        """Whether other work used more than half the cores, before or meanwhile."""
        return max(self.before, self.others or 0.0) > cores / 2


def describe(machine: Machine) -> str:
    """Two lines: processor with flags and cores, and versions."""
    libraries = ", ".join(f"{name} {version}" for name, version in versions().items())
    cores = f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    return f"{machine.model} ({' '.join(machine.shown_flags) or 'flags unknown'}), {cores}: {machine.kind}\n{libraries}"


def _processor() -> tuple[str, list[str]]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # macOS
        return _sysctl("machdep.cpu.brand_string") or platform.processor() or "unknown processor", (
            ["asimd"] if platform.machine() == "arm64" else _sysctl("machdep.cpu.leaf7_features").lower().split()
        )
    entries: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        entries.setdefault(name.strip().lower(), value.strip())
    model = entries.get("model name") or entries.get("cpu part") or platform.processor() or "unknown processor"
    return model, (entries.get("flags") or entries.get("features") or "").split()


def _sysctl(name: str) -> str:
    try:
        return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def _load() -> float:
    return os.getloadavg()[0]


def _busy() -> float:
    """Seconds that all cores together have worked since the start of the machine."""
    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))


def _own() -> float:
    """Seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def second_core(seconds: float = 2.0) -> float:
    """How much two processes that only count do together beside what one does: the machine's own limit for a second worker."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_counted, (0.1, 0.1)))  # both processes are there
        one = pool.submit(_counted, seconds).result()
        return sum(pool.map(_counted, (seconds, seconds))) / one


def _counted(seconds: float) -> float:
    """Steps per second of a loop in plain Python."""
    steps, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(10_000):
            steps += 1
    return steps / spent
