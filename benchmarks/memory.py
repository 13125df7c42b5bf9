"""Memory of a program. Imports nothing that would count in it."""

from pathlib import Path


def peak_mb() -> float:
    """Peak memory of this program, MB; ru_maxrss would start with that of the process that started it. 0 without /proc."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
