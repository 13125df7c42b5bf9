"""One Dagster instance for each home (folder of results), so that its UI shows no data sets of another home."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import BaseModel

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.ownership import creation_lock
from bqat_pipeline.names import PARTITIONS

if TYPE_CHECKING:
    from dagster import DagsterInstance

logger = logging.getLogger(__name__)

_NAME = "home.json"


class Home(BaseModel):
    """A home folder.

    Attributes
    ----------
    id : Random identity, kept in home.json, so that it moves with the folder.
    place : Where the folder is now.
    """

    id: str
    place: str = ""


class WrongHomeError(Exception):
    """The instance belongs to the results of another home."""


def check_home(state: Path, store: DatasetStore) -> None:
    """Make sure that the instance of a state folder belongs to the home of these results, or to none.

    Raises
    ------
    WrongHomeError : when it belongs to another home that exists, or may exist.
    """
    mine, before = _home(store), _recorded(state)
    if mine is None or before is None or _is_same_place(before.place, mine.place):
        return
    if _may_be_there(before):
        raise WrongHomeError(
            f"the Dagster instance in {state} belongs to the results in {before.place}, not to those in {mine.place}: "
            "give each BQAT_HOME a BQAT_STATE of its own (with PostgreSQL also a database), or set BQAT_HOME back"
        )


def claim_instance(instance: "DagsterInstance", state: Path, store: DatasetStore) -> None:
    """Record in the state folder which home its instance belongs to, after ``check_home``.

    A home that was moved keeps its instance. When the previous home does not exist any more, the new one takes the
    instance over, and partitions of data sets that it does not have are deleted: they could not be shown or scanned.

    Raises
    ------
    WrongHomeError : as ``check_home``.
    """
    check_home(state, store)
    mine, before = _home(store), _recorded(state)
    if mine is None or mine == before:
        return
    if before is not None and before.id != mine.id:
        _delete_foreign_partitions(instance, store)
    Location.parse(state / _NAME).write_bytes(mine.model_dump_json().encode())


def _recorded(state: Path) -> Home | None:
    try:
        return Home.model_validate_json((state / _NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _home(store: DatasetStore) -> Home | None:
    """The home of a store, with a new id when it has none; None while the storage cannot be read, as scans report."""
    place = store.home / _NAME
    try:
        with creation_lock(store):
            if not place.is_file():
                place.write_bytes(Home(id=str(uuid4())).model_dump_json(exclude={"place"}).encode())
            return Home(id=Home.model_validate_json(place.read_bytes()).id, place=str(store.home))
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read, so it is not known which home this Dagster instance has: %s", place, error)
        return None


def _is_same_place(one: str, other: str) -> bool:
    try:
        return one == other or Path(one).samefile(other)
    except OSError:
        return False


def _may_be_there(home: Home) -> bool:
    """Whether a home may still be where it was; always for one on S3, which is not looked up: its keys are not kept."""
    if "://" in home.place:
        return True
    try:
        return Home.model_validate_json((Location.parse(home.place) / _NAME).read_bytes()).id == home.id
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True


def _delete_foreign_partitions(instance: "DagsterInstance", store: DatasetStore) -> None:
    own = set(store.keys())
    foreign = [key for key in instance.get_dynamic_partitions(PARTITIONS) if key not in own]
    for key in foreign:
        instance.delete_dynamic_partition(PARTITIONS, key)
    if foreign:
        logger.warning("deleted the partitions of %d data sets of a home that does not exist any more", len(foreign))
