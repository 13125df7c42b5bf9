"""Folders of pictures: the first levels of their paths as a facet, any folder with what is below it as a filter."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bqat_pipeline.datasets.conditions import Condition
from bqat_pipeline.datasets.operators import Mask

# Levels of the path that a facet shows at most, until there are two folders to choose between.
_MOST_LEVELS = 3


@dataclass(frozen=True)
class Folders:
    """The folder of each picture.

    Attributes
    ----------
    names : All folders, with forward slashes; empty for the top.
    codes : (n,) int32 positions in ``names``.
    tops : First levels of the names: as few as tell two pictures apart.
    top_codes : (n,) int32 positions in ``tops``.
    """

    names: list[str]
    codes: NDArray[np.int32]
    tops: list[str]
    top_codes: NDArray[np.int32]

    @classmethod
    def of(cls, encoded: pa.DictionaryArray) -> "Folders":
        """From the column ``folder``."""
        names = [name or "" for name in encoded.dictionary.to_pylist()]
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        tops: dict[str, int] = {}
        top_of: list[int] = []
        for level in range(1, _MOST_LEVELS + 1):
            tops = {}
            top_of = [tops.setdefault("/".join(name.split("/")[:level]), len(tops)) for name in names]
            if len(tops) > 1:
                break
        return cls(names, codes, list(tops), np.array(top_of or [0], np.int32)[codes])

    def mask(self, condition: Condition) -> Mask:
        """(n,) bool: pictures in the folders that are meant, and below them; ``""`` means the top only."""
        wanted = condition.value if condition.operator == "in" else (condition.value,)
        if condition.operator == "contains":
            meant = [str(condition.value).casefold() in name.casefold() for name in self.names]
        else:
            meant = [any(_is_below(name, folder) for folder in wanted) for name in self.names]
        mask: Mask = np.array(meant or [False], bool)[self.codes]
        return ~mask if condition.operator == "ne" else mask


def _is_below(name: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return name == folder or (folder != "" and name.startswith(folder + "/"))
