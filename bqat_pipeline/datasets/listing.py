"""The files of a source, in the order of their paths.

Rules
-----
* Recursive. Names that begin with a dot, and folders named ``__MACOSX``, are passed over: they are side files.
* A file belongs to the listing when its extension (any case) and its base name match. From there on it is a row,
  whatever it turns out to be.
* A link to a file is read when its target lies inside the scanned folder; any other link becomes a row with a reason.
  Links to folders are not followed: inside, their files are listed in their real place; outside, they are not ours.
* Pipes, sockets and devices become rows with a reason and are never opened.
* Order: bytes of the relative path, so that it is the same on every machine and on S3.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from bqat_pipeline.datasets.confinement import PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.folders import Entry, local_entries, look_at, remote_entries
from bqat_pipeline.datasets.records import ScanOptions, Source

# Extensions that the decoders (OpenCV, Pillow) know, without dot.
EXTENSIONS = frozenset(
    "jpg jpeg jpe jfif png bmp dib jp2 j2k webp tif tiff gif pgm ppm pnm pbm heic heif avif".split()  # noqa: SIM905
)

# Reasons for which a listed file is not opened; they become `reason_code` of its row.
PROBLEMS: dict[str, str] = {
    "link_outside": "the link leads out of the scanned folder",
    "broken_link": "the link leads nowhere or in a circle",
    "not_a_file": "not a regular file but a pipe, socket or device",
    "no_permission": "the file's properties may not be read",
    "not_found": "there is no such file",
}


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that will be a row.

    Attributes
    ----------
    path : Path relative to the source, as the file system spells it (bytes: names need not be UTF-8).
    size : Bytes.
    modified : Time of last modification, microseconds since 1970 UTC.
    problem : One of ``PROBLEMS`` when the file must not be opened, else empty.
    """

    path: bytes
    size: int
    modified: int
    problem: str = ""

    @property
    def name(self) -> str:
        """The relative path as text; bytes that are not UTF-8 appear as ``\\xNN``."""
        return self.path.decode("utf-8", "backslashreplace")


@dataclass
class Skipped:
    """Folders that were not entered, by reason."""

    counts: Counter[str] = field(default_factory=Counter)


class NameFilter:
    """Which file names belong to a listing.

    Parameters
    ----------
    extensions : File extensions without dot, any case; None: all known ones.
    pattern : Regular expression (RE2 syntax, which takes linear time), searched in the base name up to its first dot.

    Raises
    ------
    ValueError : when the pattern is not a regular expression.
    """

    def __init__(self, extensions: list[str] | None = None, pattern: str | None = None) -> None:
        chosen = {extension.lower().lstrip(".") for extension in extensions or ()}
        self._extensions = frozenset(chosen) or EXTENSIONS
        self._pattern = pattern or ""
        if self._pattern:
            self._matches(["x"])

    @classmethod
    def of(cls, options: ScanOptions) -> "NameFilter":
        return cls(options.source, options.pattern)

    def select(self, names: list[bytes]) -> list[bool]:
        """For each base name, whether it belongs to the listing."""
        chosen = [self._has_extension(name) for name in names]
        if self._pattern and any(chosen):
            stems = [name.split(b".", 1)[0].decode("utf-8", "backslashreplace") for name in names]
            chosen = [a and b for a, b in zip(chosen, self._matches(stems), strict=True)]
        return chosen

    def _has_extension(self, name: bytes) -> bool:
        stem, dot, extension = name.rpartition(b".")
        return bool(stem and dot) and extension.decode("utf-8", "replace").lower() in self._extensions

    def _matches(self, stems: list[str]) -> list[bool]:
        try:
            matches = pc.match_substring_regex(pa.array(stems, pa.string()), self._pattern)
        except pa.ArrowInvalid as error:
            raise ValueError(f"pattern {self._pattern!r} is not a regular expression: {error}") from error
        return [bool(match) for match in matches.to_pylist()]


def list_source(source: Source, names: NameFilter, skipped: Skipped | None = None) -> Iterator[ListedFile]:
    """The files of a source that match, sorted by the bytes of their paths. Holds one folder's names at a time.

    Raises
    ------
    FileNotFoundError : when the source itself does not exist.
    """
    skipped = skipped if skipped is not None else Skipped()
    root = Location.parse(source.uri)
    if not root.is_dir():
        if source.temporary:
            raise FileNotFoundError("the uploaded pictures were deleted after their scan; upload them again")
        raise FileNotFoundError(f"there is no folder {source.uri}")
    if source.files is not None:
        yield from _named(root, source.files, names)
        return

    def read(prefix: bytes) -> Iterator[Entry]:
        if root.is_local:
            return local_entries(root.local, prefix, names.select, skipped.counts)
        return remote_entries(root, prefix, names.select, skipped.counts)

    stack = [(b"", read(b""))]
    while stack:
        prefix, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        elif entry.is_folder:
            below = prefix + entry.name + b"/"
            stack.append((below, read(below)))
        else:
            yield ListedFile(prefix + entry.name, entry.size, entry.modified, entry.problem)


def has_images(source: Source, options: ScanOptions) -> bool:
    """Whether a source holds at least one file that a scan would list.

    Raises
    ------
    FileNotFoundError : when the source itself does not exist.
    ValueError : when the pattern is not a regular expression.
    """
    return count_files(source, NameFilter.of(options), limit=1) > 0


def count_files(source: Source, names: NameFilter, limit: int | None = None) -> int:
    """Number of files of a source that match, counting no further than a limit."""
    count = 0
    for _ in list_source(source, names):
        count += 1
        if limit is not None and count >= limit:
            break
    return count


def _named(root: Location, files: list[str], names: NameFilter) -> Iterator[ListedFile]:
    for name in sorted(set(files), key=os.fsencode):
        if not names.select([os.fsencode(name.rsplit("/", 1)[-1])])[0]:
            continue
        try:
            relative = "/".join(clean_parts(name))
        except PathNotAllowedError:
            yield ListedFile(os.fsencode(name), 0, 0, "link_outside")
            continue
        yield _named_file(root, os.fsencode(relative))


def _named_file(root: Location, path: bytes) -> ListedFile:
    if root.is_local:
        return ListedFile(path, *look_at(root.local, path, resolve=True))
    info = (root / path.decode()).info()
    if info.type != fs.FileType.File:
        return ListedFile(path, 0, 0, "not_found")
    return ListedFile(path, info.size or 0, (info.mtime_ns or 0) // 1000)
