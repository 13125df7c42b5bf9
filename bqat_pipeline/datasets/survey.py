"""All data sets as lists show them: also those of which something is damaged."""

from collections.abc import Iterator
from dataclasses import dataclass

from bqat_pipeline.datasets.errors import DamagedDatasetError
from bqat_pipeline.datasets.records import DatasetRecord, Manifest
from bqat_pipeline.datasets.store import DatasetStore


@dataclass(frozen=True)
class Surveyed:
    """A data set as lists show it.

    Attributes
    ----------
    record : None when dataset.json and its copy are damaged.
    manifest : None before the first finished scan, or when it is damaged.
    problem : What is damaged and the way out; empty: nothing that a list reads.
    """

    key: str
    record: DatasetRecord | None
    manifest: Manifest | None = None
    problem: str = ""


def survey(store: DatasetStore, after: str = "") -> Iterator[Surveyed]:
    """All data sets whose key is after a text, by key.

    Raises
    ------
    UnreadableDatasetError : when one cannot be read now: it must not be taken for absent.
    """
    for key in iter(store.keys()):
        if key > after and (found := survey_one(store, key)) is not None:
            yield found


def survey_one(store: DatasetStore, key: str) -> Surveyed | None:
    """One data set; None where there is none.

    Raises
    ------
    UnreadableDatasetError : when it cannot be read now.
    """
    record, damage = store.look_up(key)
    if record is None:
        return None if damage is None else Surveyed(key, None, None, str(damage))
    problems = [str(damage)] if damage else []
    manifest = None
    try:
        manifest = store.manifest(key)
    except DamagedDatasetError as error:
        problems.append(str(error))
    return Surveyed(key, record, manifest, "; ".join(problems))
