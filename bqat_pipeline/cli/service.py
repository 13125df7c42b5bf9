"""``bqat up`` runs all services; ``bqat doctor`` checks whether they can run."""

import os
from pathlib import Path
from typing import Annotated

import typer

from bqat_pipeline.cli.console import native_messages_to, out, print_json
from bqat_pipeline.cli.exit_codes import LIMIT_NOT_MET

_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


def up(
    api_port: Annotated[
        int | None, typer.Option(help="Port of the REST facade; default: BQAT_PORT.", min=0, max=65535)
    ] = None,
    dagster_port: Annotated[
        int | None, typer.Option(help="Port of the Dagster UI; default: BQAT_DAGSTER_PORT.", min=0, max=65535)
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the whole log: Dagster's lines, and one for each request.")
    ] = False,
) -> None:
    """Start Dagster UI, daemon, code location and REST facade together; Ctrl-C stops them all."""
    from bqat_pipeline.deployment.supervisor import run

    raise typer.Exit(run(api_port=api_port, dagster_port=dagster_port, verbose=verbose))


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
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
