"""Child process that draws one EDA page: ``python -m bqat_pipeline.report.eda.child JOB.json``.

A process of its own because ydata-profiling takes 200 MB and ten seconds to import, draws with global state, and
cannot be interrupted otherwise. It takes what scans leave of one core, and ends when its parent goes.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

# A quarter of a core beside a scan that uses all of them: less, and the page would outrun its time limit.
_NICENESS = 5


def main(job_file: str) -> None:
    """Draw the page of a job: a JSON object with ``table`` (Parquet), ``target``, ``title``, ``description``,
    ``types`` and ``descriptions`` by column, ``minimal``, and ``memory`` in bytes.
    """
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    _limit_memory(int(job["memory"]))
    _step_back()
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    import pandas as pd

    frame = pd.read_parquet(job["table"])
    for name, kind in job["types"].items():
        if kind == "Categorical":
            frame[name] = frame[name].astype("category")
    html = _profile(frame, job)
    Path(job["target"]).write_text(html, encoding="utf-8")


def _profile(frame: Any, job: dict[str, Any]) -> str:
    try:
        from data_profiling import ProfileReport
    except ImportError:
        from ydata_profiling import ProfileReport
    correlation = {"calculate": not job["minimal"], "warn_high_correlations": not job["minimal"], "threshold": 0.9}
    report = ProfileReport(
        frame,
        minimal=True,
        title=job["title"],
        dataset={"description": job["description"]},
        variables={"descriptions": job["descriptions"]},
        type_schema=job["types"],
        infer_dtypes=False,
        correlations={"auto": {"calculate": False}, "spearman": correlation},
        interactions={"continuous": False, "targets": []},
        missing_diagrams={"bar": not job["minimal"], "matrix": False, "heatmap": False},
        samples=None,
        duplicates=None,
        vars={
            "num": {"low_categorical_threshold": 0},
            "cat": {"length": False, "characters": False, "words": False},
        },
        # The minifier undoes escapes that it takes for superfluous.
        html={"minify_html": False, "inline": True, "use_local_assets": True, "navbar_show": True},
        pool_size=1,
        progress_bar=False,
    )
    return str(report.to_html())


def _limit_memory(limit: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    except (ImportError, ValueError, OSError):  # not on this system
        return


def _step_back() -> None:
    """Take a low priority, and one core however many threads the libraries start."""
    os.nice(_NICENESS)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _exit_with_parent() -> None:
    # The parent holds the other end, which closes when it dies. Not sys.stdin: its lock would hold up our own exit.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
