"""``bqat doctor``: whether everything that a scan or ``bqat up`` needs is there."""

import os
from pathlib import Path

import typer

from bqat_pipeline.cli.console import native_messages_to, out, print_json
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


def doctor(*, as_json: bool) -> None:
    """Check models, versions, folders, instance, ports and external engines. Exit 1 when something is wrong."""
    from bqat_pipeline.deployment.doctor import examine

    with native_messages_to(Path(os.devnull)):
        findings = examine()
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    else:
        for finding in findings:
            out.print(f"{finding.level:7}", end="", style=_COLOURS[finding.level])
            out.print(f"{finding.subject}: {finding.text}")
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(LIMIT_NOT_MET)
