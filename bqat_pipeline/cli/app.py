"""The command line with all commands of ``bqat``."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bqat_pipeline import __version__
from bqat_pipeline.cli import commands
from bqat_pipeline.cli.console import out, without_colours
from bqat_pipeline.cli.failures import exit_code_of, signals_as_interruption


class _Commands(TyperGroup):
    """Runs commands so that none ends in a traceback, and each with a documented exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with signals_as_interruption():
                result = super().invoke(ctx)
                sys.stdout.flush()  # while an error still becomes a sentence
                return result
        except (typer.Exit, SystemExit):
            raise
        except BaseException as error:
            # A misspelt command or option: typer prints its own message.
            if type(error).__module__.startswith("typer.") and not isinstance(error, typer.Abort):
                raise
            raise typer.Exit(exit_code_of(error)) from error


app = typer.Typer(
    name="bqat",
    cls=_Commands,
    help="Audits the quality of face image data sets.",
    epilog="Example: bqat scan data/sample",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(requested: bool) -> None:
    if requested:
        out.print(f"bqat-pipeline {__version__}")
        sys.stdout.flush()
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the traceback of an error; BQAT_DEBUG=1 does the same.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="Print without colours; NO_COLOR=1 does the same.")
    ] = False,
) -> None:
    """Audits the quality of face image data sets."""
    if verbose:
        os.environ["BQAT_DEBUG"] = "1"
    if no_color:
        without_colours()


app.command(epilog="Example: bqat scan data/sample --requirements enrolment-relaxed")(commands.scan)
app.command(epilog="Example: bqat sample")(commands.sample)
app.command(
    name="inspect", epilog="Example: bqat inspect data/sample/portraits/hopper_framed.jpg --overlay marked.png"
)(commands.inspect)
app.command(name="list", epilog="Example: bqat list")(commands.list_)
app.command(epilog="Example: bqat show sample --rules all")(commands.show)
app.command(epilog="Example: bqat outliers sample --limit 5")(commands.outliers)
app.command(epilog="Example: bqat duplicates sample")(commands.duplicates)
app.command(epilog="Example: bqat report sample --thumbnails blurred")(commands.report)
app.command(epilog="Example: bqat compare sample sample")(commands.compare)
app.command(epilog="Example: bqat crop sample data/cropped --rules icao-tr-portrait")(commands.crop)
app.command(epilog="Example: bqat identities sample --forget")(commands.identities)
app.command(epilog="Example: bqat delete sample --yes")(commands.delete)
app.command(epilog="Example: bqat up --api-port 8080")(commands.up)
app.command(epilog="Example: bqat doctor")(commands.doctor)


def main() -> None:
    """Entry point of the console script."""
    try:
        app(prog_name="bqat")
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - a fault outside of all commands
        sys.exit(exit_code_of(error))
