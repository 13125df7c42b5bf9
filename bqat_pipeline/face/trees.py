"""Sums of regression trees: what the measures of blur, compression and utility are estimated with.

Tables are ``data/*_trees.json``, written by ``benchmarks/calibration/fit_utility.py``. All trees are walked at once, a
level at a time, which takes about 0.05 ms; features are rounded first, so that rounding errors of a platform do not
change the way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

DECIMALS = 3  # of features
_UNITS = 10.0**DECIMALS


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of regression trees whose nodes lie one after the other.

    Attributes
    ----------
    start : What the leaves are added to.
    features : Names of the features, in order.
    feature : (n,) position of the feature that each node asks for.
    threshold : (n,) values up to which its left child is next.
    children : (2 n,) left and right child of each node; a leaf's are itself.
    value : (n,) what a leaf adds.
    roots : (trees,) first nodes.
    depth : Steps from any root to its furthest leaf.
    """

    start: float
    features: tuple[str, ...]
    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    depth: int

    @classmethod
    def of(cls, table: dict[str, Any]) -> "Trees":
        """The trees of a table, each with the lists ``feature`` (-1: a leaf), ``number``, ``left`` and ``right``.

        ``number`` is a node's threshold or a leaf's value; children come after their parent.
        """
        feature: list[int] = []
        number: list[float] = []
        children: list[int] = []
        roots: list[int] = []
        depth = 0
        for tree in table["trees"]:
            first = len(feature)
            roots.append(first)
            for place, (asked, left, right) in enumerate(
                zip(tree["feature"], tree["left"], tree["right"], strict=True)
            ):
                feature.append(max(asked, 0))
                children += [first + place] * 2 if asked < 0 else [first + left, first + right]
            number += tree["number"]
            depth = max(depth, _depth(tree))
        numbers = np.array(number, np.float64)
        return cls(
            table["start"],
            tuple(table["features"]),
            np.array(feature),
            numbers,
            np.array(children),
            numbers,
            np.array(roots),
            depth,
        )

    def sum(self, features: Sequence[float]) -> float:
        """The value for features in the order of their names; rounded to 3 decimals first."""
        values = np.rint(np.asarray(features, np.float64) * _UNITS) / _UNITS
        nodes = self.roots
        # Asked at all nodes at once, which takes less time than a question at each step.
        following = np.where(values[self.feature] > self.threshold, self.children[1::2], self.children[::2])
        for _ in range(self.depth):
            nodes = following[nodes]
        return self.start + float(self.value[nodes].sum())


def _depth(tree: dict[str, list[int]]) -> int:
    depths = [0] * len(tree["feature"])
    for place, asked in enumerate(tree["feature"]):  # children come after their parent
        if asked >= 0:
            depths[tree["left"][place]] = depths[tree["right"][place]] = depths[place] + 1
    return max(depths)


@cache
def trees(name: str) -> Trees:
    """The fitted trees of a name: ``blur``, ``compression`` or ``utility``."""
    return Trees.of(json.loads((files("bqat_pipeline.face") / "data" / f"{name}_trees.json").read_text()))
