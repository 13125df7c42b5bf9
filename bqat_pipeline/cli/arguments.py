"""Arguments that several commands share."""

from typing import Annotated

import typer

from bqat_pipeline.cli.completion import dataset_keys

Name = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="Key, id, name, or the beginning of a key.", autocompletion=dataset_keys),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
