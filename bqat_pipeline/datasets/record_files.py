"""dataset.json and its copy: nothing else of a data set cannot be made again."""

import logging

from bqat_pipeline.datasets.errors import DamagedDatasetError
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.records import DatasetRecord
from bqat_pipeline.datasets.stored import read_model, write_model

logger = logging.getLogger(__name__)

NAME, COPY = "dataset.json", "dataset.json.bak"
_RESTORE = "restore the file from a backup, or delete the data set with `bqat delete` and scan its folder again"
_COPY_USED = "its copy is used, and put in its place by the next scan"


def read_record(folder: Location) -> tuple[DatasetRecord | None, DamagedDatasetError | None]:
    """The record of a data set, from dataset.json or from its copy, and what is wrong with dataset.json.

    Raises
    ------
    UnreadableDatasetError : when it cannot be read now.
    """
    what, damage = f"{NAME} of {folder.name}", None
    try:
        record = read_model(folder / NAME, DatasetRecord, what, _RESTORE)
    except DamagedDatasetError as error:
        record, damage = None, error
    if record is not None:
        return record, None
    try:
        copy = read_model(folder / COPY, DatasetRecord, f"{COPY} of {folder.name}", _RESTORE)
    except DamagedDatasetError as error:
        return None, damage or error
    if copy is None:
        return None, damage
    return copy, DamagedDatasetError(what, damage.reason if damage else "it is missing", _COPY_USED)


def write_record(folder: Location, record: DatasetRecord) -> None:
    """Write dataset.json and its copy.

    Raises
    ------
    UnwritableDatasetError : when the storage refuses.
    """
    for name in (NAME, COPY):
        write_model(folder / name, record, f"{name} of {folder.name}")


def mend_record(folder: Location, record: DatasetRecord) -> None:
    """Write dataset.json and its copy again where one of them is damaged, missing or old. Keeps what was damaged."""
    for name in (NAME, COPY):
        what = f"{name} of {folder.name}"
        try:
            if read_model(folder / name, DatasetRecord, what) == record:
                continue
        except DamagedDatasetError as error:
            logger.warning("%s was damaged (%s) and is written again", what, error.reason)
            if content := (folder / name).read_bytes():  # an edit that went wrong may be in it
                (folder / f"{name}.damaged").write_bytes(content)
        write_model(folder / name, record, what)
