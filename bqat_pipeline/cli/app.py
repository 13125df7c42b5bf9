"""The commands of ``bqat``, put together. Each one imports what it needs when it runs."""

import sys

import typer

from bqat_pipeline.cli import datasets, inspect, scan, service
from bqat_pipeline.cli.console import CliError, fail
from bqat_pipeline.instance import InstanceError

app = typer.Typer(
    name="bqat",
    help="Audits the quality of face image data sets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(scan.scan)
app.command()(scan.sample)
app.command(name="inspect")(inspect.inspect)
app.command(name="list")(datasets.list_)
app.command()(datasets.show)
app.command()(datasets.outliers)
app.command()(datasets.report)
app.command()(datasets.compare)
app.command()(datasets.delete)
app.command()(service.up)
app.command()(service.doctor)


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except (CliError, InstanceError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
