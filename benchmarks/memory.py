"""Memory of a program. Imports nothing that would count in it."""

from pathlib import Path


def peak_mb(pid: int | str = "self") -> float:
    """Peak memory of a program, MB; ru_maxrss would start with that of the process that started it. 0 without /proc or when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
