"""Face profiles as numbers: batches to float matrices, and a seeded sample of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.columns import ALL_COLUMNS, MEASURED
from bqat_pipeline.datasets.tables import read_batches

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Feature:
    """A column as detectors see it."""

    name: str
    title: str
    unit: str = ""
    boolean: bool = False


def features(schema: pa.Schema, names: Sequence[str] | None = None) -> tuple[Feature, ...]:
    """The columns to look at: those named, or the registry's outlier measures; only columns that the schema has."""
    registry = ALL_COLUMNS
    chosen = registry.outlier_measures().names if names is None else names
    found = []
    for name in dict.fromkeys(chosen):
        if name not in schema.names:
            continue
        column = registry.get(name)
        boolean = pa.types.is_boolean(schema.field(name).type)
        title = (column.label if column else "") or name.removeprefix("aux_").replace("_", " ").capitalize()
        found.append(Feature(name, title, column.unit if column else "", boolean))
    return tuple(found)


def measured(batch: pa.RecordBatch) -> Mask:
    """(n,) whether each row's face was measured; all rows when there is no ``status``."""
    if "status" not in batch.schema.names:
        return np.ones(batch.num_rows, bool)
    return pc.is_in(batch.column("status"), value_set=pa.array(MEASURED)).to_numpy(zero_copy_only=False)


def matrix(batch: pa.RecordBatch, names: Sequence[str]) -> Matrix:
    """(n, columns) float64: booleans 0 or 1, numeric text as numbers, everything else NaN."""
    # column by column in memory, as it is used
    values = np.full((batch.num_rows, len(names)), np.nan, order="F")
    for position, name in enumerate(names):
        if name in batch.schema.names:
            values[:, position] = _numbers(batch.column(name))
    values[~np.isfinite(values)] = np.nan
    return values


def _numbers(column: pa.Array) -> Matrix:
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        return np.array([_number(text) for text in column.to_pylist()], np.float64)
    return np.full(len(column), np.nan)


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan


@dataclass(frozen=True)
class Sample:
    """Rows drawn from the measured ones.

    Attributes
    ----------
    values : (rows, columns) float64, in the order of the data set, NaN where missing.
    population : Rows they were drawn from.
    """

    values: Matrix
    population: int

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return len(self.values) == self.population


def draw(
    profiles: ds.Dataset, names: Sequence[str], size: int, seed: int, *, without_missing: Iterable[str] = ()
) -> Sample:
    """A simple random sample of the measured rows, the same for every batch size; one streaming pass.

    Parameters
    ----------
    profiles : Face profiles.
    names : Columns.
    size : Rows at most.
    seed : Seed of the draw.
    without_missing : Rows that lack one of these columns are not drawn.
    """
    required = list(without_missing)
    generator = np.random.default_rng(seed)
    # Rows with the smallest keys are the sample; most rows are above this line and need not be kept.
    line = min(1.0, 1.2 * size / max(1, profiles.count_rows()) + 0.001)
    kept: list[Matrix] = []
    keys: list[Matrix] = []
    population = 0
    for _, batch in read_batches(profiles, ["status", *names]):
        key = generator.random(batch.num_rows)
        usable = measured(batch) & np.isfinite(matrix(batch, required)).all(axis=1)
        population += int(usable.sum())
        usable &= key <= line
        kept.append(matrix(batch.filter(pa.array(usable)), names))
        keys.append(key[usable])
    values = np.concatenate(kept) if kept else np.empty((0, len(names)))
    kept.clear()
    if len(values) > size:
        order = np.concatenate(keys)
        chosen = np.sort(np.argpartition(order, size)[:size])
        values = values[chosen]
    return Sample(values, population)
