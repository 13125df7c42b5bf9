"""Data sets without any measured row: what a failed first scan created is deleted again."""

from bqat_pipeline.datasets import DatasetStore
from bqat_pipeline.execution.parts import finished_parts


def is_unmeasured(store: DatasetStore, key: str) -> bool:
    """Whether no scan of a data set ever had a row, finished or not.

    Raises
    ------
    OSError : when that cannot be read, which says nothing of what is there.
    """
    if store.is_published(key):
        return False
    for name in store.generations(key):
        generation = store.generation(key, name)
        if generation.profiles.exists() or generation.reused.exists():
            return False
        if finished_parts(generation.parts):
            return False
    return True
