"""Names of pictures as tables spell them, and the search for a picture's line."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bqat_pipeline.datasets.listing import EXTENSIONS

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


def composed(name: str) -> str:
    """A name with composed letters: macOS and some archives store ``é`` as two characters."""
    return unicodedata.normalize("NFC", name)


def spelled(name: str) -> str:
    """A name of a table in one spelling: composed letters, forward slashes, no drive, no leading dot or slash."""
    text = composed(name.strip()).replace("\\", "/")
    if text[1:3] == ":/":
        text = text[2:]
    while text.startswith("./"):
        text = text[2:]
    return text.lstrip("/")


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rsplit("/", 1)[-1]


def without_extension(path: str) -> str:
    """The path without the extension of a picture; other endings stay (``john.doe``)."""
    stem, dot, extension = path.rpartition(".")
    return stem if dot and extension.lower() in EXTENSIONS and base_name(stem) else path


def hashes(names: Sequence[str]) -> Hashes:
    """64-bit hashes; two of ten million names collide with a chance of 3e-6."""
    from pandas.util import hash_array

    return np.asarray(hash_array(np.array(names, dtype=object), categorize=False), np.uint64)


def common_folders(names: Sequence[str], so_far: list[str] | None) -> list[str]:
    """The folders that all paths begin with, and that those before did."""
    common = so_far
    for name in {name.rpartition("/")[0] for name in names}:
        folders = name.split("/") if name else []
        if common is None:
            common = folders
            continue
        same = 0
        while same < min(len(common), len(folders)) and common[same].casefold() == folders[same].casefold():
            same += 1
        common = common[:same]
    return common or []


class NameIndex:
    """Lines by name: the same spelling first, else any case where only one name of the table fits.

    Parameters
    ----------
    exact : Of each line, the hash of what tells two lines apart.
    key : Of each line, the hash of what is searched for, in one case.
    """

    def __init__(self, exact: Hashes, key: Hashes) -> None:
        self.lines = np.lexsort((exact, key))  # stable: of a name that occurs twice the first line holds
        self._exact, self._key = exact[self.lines], key[self.lines]

    def find(self, names: Sequence[str]) -> Places:
        """For each name the place of its line in ``lines``, or -1."""
        if not self._key.size:
            return np.full(len(names), -1, np.int64)
        exact, key = hashes(names), hashes([name.casefold() for name in names])
        low, high = np.searchsorted(self._key, key, "left"), np.searchsorted(self._key, key, "right")
        inside = high > low
        first = np.minimum(low, self._key.size - 1)
        same = inside & (self._exact[first] == exact)
        only = inside & (self._exact[first] == self._exact[np.maximum(high, 1) - 1])
        place = np.where(same | only, first, -1)
        for index in np.flatnonzero(inside & ~same & ~only).tolist():
            begin, end = low[index], high[index]
            at = begin + np.searchsorted(self._exact[begin:end], exact[index])
            if at < end and self._exact[at] == exact[index]:
                place[index] = at
        return place

    @cached_property
    def names(self) -> npt.NDArray[np.int64]:
        """For each place the number of its name: lines of one name have the same."""
        if not self._key.size:
            return np.empty(0, np.int64)
        differs = (self._key[1:] != self._key[:-1]) | (self._exact[1:] != self._exact[:-1])
        return np.concatenate([[0], np.cumsum(differs)])
