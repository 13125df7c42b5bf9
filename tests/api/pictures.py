"""Folders of pictures below a data root."""

import io
import zipfile
from functools import cache
from pathlib import Path

from bqat_pipeline.sample import sample_files


@cache
def samples() -> dict[str, bytes]:
    """Name to content of the 24 sample files."""
    return dict(sample_files())


@cache
def portrait() -> bytes:
    """A JPEG portrait with one face."""
    return samples()["originals/hopper.jpg"]


def write_samples(folder: Path) -> int:
    """Write the sample files and return their number."""
    for name, content in samples().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(samples())


def write_portraits(folder: Path, count: int) -> None:
    """Write the same portrait under many names; each file differs in its last bytes, so that no row is reused."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:04d}.jpg").write_bytes(portrait() + f"{folder}/{number}".encode())


def archive(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return stream.getvalue()
