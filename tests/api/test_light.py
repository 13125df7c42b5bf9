"""The facade stays small: what it must not import."""

import subprocess
import sys

HEAVY = ("dagster", "mediapipe", "ai_edge_litert", "ydata_profiling", "matplotlib", "sklearn", "pyod", "cv2", "duckdb")


def test_facade_starts_without_heavy_libraries():
    code = f"import sys, api.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
