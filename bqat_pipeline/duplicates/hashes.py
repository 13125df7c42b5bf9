"""Hashes as bit arrays: read from hexadecimal columns, compared by differing bits."""

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bqat_pipeline.datasets.tables import read_batches

Bytes = NDArray[np.uint8]

_NIBBLE = np.full(256, 255, np.uint8)
for _digit in range(16):
    _NIBBLE[ord(f"{_digit:x}")] = _NIBBLE[ord(f"{_digit:X}")] = _digit
_BITS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def from_hex(column: pa.Array, size: int) -> tuple[NDArray[np.bool_], Bytes]:
    """Which rows hold a hash, (n,) bool, and the hashes of those, (m, size) uint8.

    Nulls and text that is not ``2 * size`` hexadecimal digits are not hashes.
    """
    texts = [text if text and len(text) == 2 * size else None for text in column.to_pylist()]
    present = np.array([text is not None for text in texts], bool)
    joined = "".join(text for text in texts if text is not None).encode("ascii", "replace")
    digits = _NIBBLE[np.frombuffer(joined, np.uint8).reshape(-1, 2 * size)]
    good = (digits < 16).all(axis=1)
    present[np.flatnonzero(present)[~good]] = False
    digits = digits[good]
    return present, (digits[:, ::2] << np.uint8(4)) | digits[:, 1::2]


def distance(a: Bytes, b: Bytes) -> NDArray[np.int64]:
    """(n,) number of differing bits of two (n, size) arrays of hashes."""
    return _BITS[a ^ b].sum(axis=1, dtype=np.int64)


def set_bits(hashes: Bytes) -> NDArray[np.int64]:
    """(n,) number of set bits."""
    return _BITS[hashes].sum(axis=1, dtype=np.int64)


def read_hashes(profiles: ds.Dataset, column: str, rows: int, size: int = 32) -> tuple[NDArray[np.int64], Bytes]:
    """Positions of the rows that have a hash in a column, and the hashes (n, size) uint8."""
    positions = np.empty(rows, np.int64)
    hashes = np.empty((rows, size), np.uint8)
    count = 0
    if column in profiles.schema.names:
        for first, batch in read_batches(profiles, [column]):
            present, values = from_hex(batch.column(column), size)
            positions[count : count + len(values)] = first + np.flatnonzero(present)
            hashes[count : count + len(values)] = values
            count += len(values)
    return positions[:count], hashes[:count]
