"""The Dagster instance of this deployment: where it lives and how it is opened."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class InstanceError(Exception):
    """The Dagster instance cannot be opened; the text says why."""


def prepare_environment() -> None:
    """Set what Dagster's processes read from the environment, unless the operator has set it.

    DAGSTER_HOME may be the project root: dagster.yaml is only read there, everything is written below BQAT_STATE.

    Raises
    ------
    InstanceError : when the operator's DAGSTER_HOME is not a folder; making it would be another, empty instance.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home and not Path(home).is_dir():
        raise InstanceError(f"DAGSTER_HOME is {home}, which is not a folder: make it, or unset the variable")
    state = settings().state.absolute()
    state.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("DAGSTER_HOME", str(PROJECT_ROOT))
    os.environ.setdefault("BQAT_STATE", str(state))
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")


def open_instance() -> "DagsterInstance":
    """The Dagster instance, with its database made or brought up to date.

    Open it once before several processes do: fresh SQLite files do not survive two at a time.
    """
    prepare_environment()
    import dagster as dg

    return dg.DagsterInstance.get()
