"""The code server as a process of its own, as the compose file and service managers start it."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, deployment_environment, eventually, free_port, is_listening, kill, processes_with


def test_it_ends_when_asked_to_although_a_script_started_it_in_the_background(tmp_path: Path) -> None:
    """A shell ignores SIGINT in commands that a script starts with `&`; children inherit that."""
    port = free_port()
    environment = deployment_environment(tmp_path, BQAT_FAMILY=str(tmp_path))
    command = [sys.executable, "-m", "bqat_pipeline.deployment.code_server", "--port", str(port)]
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", ignoring, *command], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        eventually(lambda: is_listening(port), 120, "a code server")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        eventually(lambda: not processes_with("BQAT_FAMILY", str(tmp_path)), 60, "the end of all its processes")
    finally:
        kill(processes_with("BQAT_FAMILY", str(tmp_path)))
