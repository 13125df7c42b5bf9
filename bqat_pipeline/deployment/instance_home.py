"""Which results a Dagster instance is about: one instance, one home, so that nobody sees data sets of another."""

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
    """A home folder: its identity, which home.json holds and which moves with it, and its present place."""

    id: str
    place: str = ""


class AlienHomeError(Exception):
    """The instance belongs to the results of another home."""


def check_home(state: Path, store: DatasetStore) -> None:
    """Make sure that the instance of a state folder belongs to these results, or to nobody's.

    Raises
    ------
    AlienHomeError : when it belongs to others that are still there, or may be.
    """
    mine, before = _home(store), _noted(state)
    if mine is None or before is None or _is_same_place(before.place, mine.place):
        return
    if _may_be_there(before):
        raise AlienHomeError(
            f"the Dagster instance in {state} belongs to the results in {before.place}, not to those in {mine.place}: "
            "give each BQAT_HOME a BQAT_STATE of its own (with PostgreSQL also a database), or set BQAT_HOME back"
        )


def claim_instance(instance: "DagsterInstance", state: Path, store: DatasetStore) -> None:
    """Note in the state folder which home its instance belongs to, after ``check_home``.

    A home that has moved keeps its instance. Where the home of before is gone, the new one takes the instance over, and
    partitions of data sets that it does not have are dropped: they could neither be shown nor scanned.

    Raises
    ------
    AlienHomeError : as ``check_home``.
    """
    check_home(state, store)
    mine, before = _home(store), _noted(state)
    if mine is None or mine == before:
        return
    if before is not None and before.id != mine.id:
        _drop_aliens(instance, store)
    Location.parse(state / _NAME).write_bytes(mine.model_dump_json().encode())


def _noted(state: Path) -> Home | None:
    try:
        return Home.model_validate_json((state / _NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _home(store: DatasetStore) -> Home | None:
    """This home, with its id made at the first look; None while the storage cannot be read, which the scans say."""
    place = store.home / _NAME
    try:
        with creation_lock(store):
            if not place.is_file():
                place.write_bytes(Home(id=str(uuid4())).model_dump_json(exclude={"place"}).encode())
            return Home(id=Home.model_validate_json(place.read_bytes()).id, place=str(store.home))
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read, so it is not known whose Dagster instance this is: %s", place, error)
        return None


def _is_same_place(one: str, other: str) -> bool:
    try:
        return one == other or Path(one).samefile(other)
    except OSError:
        return False


def _may_be_there(home: Home) -> bool:
    """Whether a home is where it was; one on S3, whose address is not kept for its secrets, may always be."""
    if "://" in home.place:
        return True
    try:
        return Home.model_validate_json((Location.parse(home.place) / _NAME).read_bytes()).id == home.id
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True


def _drop_aliens(instance: "DagsterInstance", store: DatasetStore) -> None:
    ours = set(store.keys())
    aliens = [key for key in instance.get_dynamic_partitions(PARTITIONS) if key not in ours]
    for key in aliens:
        instance.delete_dynamic_partition(PARTITIONS, key)
    if aliens:
        logger.warning("%d data sets of a home that is gone are no partitions any more", len(aliens))
