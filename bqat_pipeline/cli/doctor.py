"""``bqat doctor``: whether everything that a scan or ``bqat up`` needs is there."""

import os
from pathlib import Path

import typer

from bqat_pipeline.cli.console import native_messages_to, out, print_json
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET
from bqat_pipeline.web.absent import arrow_without_pandas

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


def doctor(*, as_json: bool) -> None:
    """Check models, versions, folders, instance, ports and external engines. Exit 1 when something is wrong."""
    arrow_without_pandas()
    from bqat_pipeline.deployment.doctor import examine

    findings = []
    with native_messages_to(Path(os.devnull)):
        for finding in examine():
            findings.append(finding)
            if not as_json:  # each at once: all of them take seconds
                out.print(f"{finding.level:7}", end="", style=_COLOURS[finding.level])
                out.print(f"{finding.subject}: {finding.text}")
    if as_json:
        print_json([finding.__dict__ for finding in findings])
    if any(finding.level == "wrong" for finding in findings):
        raise typer.Exit(LIMIT_NOT_MET)
