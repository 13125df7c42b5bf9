"""SHA-256 of the files of a chunk, for rescans that compare by content."""

import hashlib
from pathlib import Path

from bqat_pipeline.datasets import Location
from bqat_pipeline.execution.chunks import Chunk, local_path

_BLOCK = 1 << 20


def hash_chunk(roots: tuple[Location, ...], chunk: Chunk) -> list[tuple[int, str]]:
    """Row and SHA-256 (hexadecimal) of each file of a chunk that can be read."""
    found = []
    for item in chunk.items:
        root = roots[item.source]
        try:
            found.append((item.row, _sha256(root, item.path)))
        except OSError:
            continue  # measured like any other, which says why it cannot be read
    return found


def _sha256(root: Location, path: bytes) -> str:
    digest = hashlib.sha256()
    if root.is_local:
        with Path(local_path(root, path)).open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    else:
        with root.filesystem.open_input_stream((root / path.decode()).path) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
