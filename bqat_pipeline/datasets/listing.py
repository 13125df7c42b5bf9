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
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from bqat_pipeline.datasets.confinement import PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.filesystem import Location
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


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    is_folder: bool
    size: int = 0
    modified: int = 0
    problem: str = ""

    @property
    def order(self) -> bytes:
        return self.name + b"/" if self.is_folder else self.name


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
    real_root = os.path.realpath(root.path) if root.is_local else ""
    stack = [iter(_read_folder(root, b"", real_root, names, skipped))]
    prefixes = [b""]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            prefixes.pop()
        elif entry.is_folder:
            prefix = prefixes[-1] + entry.name + b"/"
            stack.append(iter(_read_folder(root, prefix, real_root, names, skipped)))
            prefixes.append(prefix)
        else:
            yield ListedFile(prefixes[-1] + entry.name, entry.size, entry.modified, entry.problem)


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


def _read_folder(root: Location, prefix: bytes, real_root: str, names: NameFilter, skipped: Skipped) -> list[_Entry]:
    entries = _scan_local(root, prefix, real_root, names, skipped) if root.is_local else _scan_remote(root, prefix)
    folders = [e for e in entries if e.is_folder and e.name != b"__MACOSX"]
    files = [e for e in entries if not e.is_folder]
    if not root.is_local:
        files = [e for e, ok in zip(files, names.select([e.name for e in files]), strict=True) if ok]
    return sorted(folders + files, key=lambda entry: entry.order)


def _scan_local(root: Location, prefix: bytes, real_root: str, names: NameFilter, skipped: Skipped) -> list[_Entry]:
    folder = os.path.join(os.fsencode(root.path), prefix)  # noqa: PTH118 - bytes
    entries: list[_Entry] = []
    candidates: list[os.DirEntry[bytes]] = []
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                if item.name.startswith(b"."):
                    continue
                if item.is_dir(follow_symlinks=False):
                    entries.append(_Entry(item.name, True))
                else:
                    candidates.append(item)
    except OSError:
        skipped.counts["unreadable_folder"] += 1
        return []
    chosen = names.select([item.name for item in candidates])
    for item, ok in zip(candidates, chosen, strict=True):
        if item.is_symlink() and _is_folder(item):
            skipped.counts["linked_folder"] += 1
        elif ok:
            entries.append(_entry(item.name, os.path.join(folder, item.name), real_root))  # noqa: PTH118
    return entries


def _is_folder(item: os.DirEntry[bytes]) -> bool:
    try:
        return item.is_dir()
    except OSError:
        return False


def _entry(name: bytes, path: bytes, real_root: str) -> _Entry:
    """One file as it lies on disk; never opens it."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            real = os.path.realpath(path, strict=True)
            if os.path.commonpath([real, os.fsencode(real_root)]) != os.fsencode(real_root):
                return _Entry(name, False, problem="link_outside")
            status = os.stat(real)  # noqa: PTH116 - bytes
    except PermissionError:
        return _Entry(name, False, problem="no_permission")
    except OSError:
        return _Entry(name, False, problem="broken_link" if os.path.lexists(path) else "not_found")
    problem = "" if stat.S_ISREG(status.st_mode) else "not_a_file"
    return _Entry(name, False, status.st_size, status.st_mtime_ns // 1000, problem)


def _scan_remote(root: Location, prefix: bytes) -> list[_Entry]:
    place = f"{root.path}/{prefix.decode()}".rstrip("/")
    infos = root.filesystem.get_file_info(fs.FileSelector(place, recursive=False, allow_not_found=True))
    return [
        _Entry(
            info.base_name.encode(),
            info.type == fs.FileType.Directory,
            info.size or 0,
            (info.mtime_ns or 0) // 1000,
        )
        for info in infos
        if info.base_name and not info.base_name.startswith(".")
    ]


def _named(root: Location, files: list[str], names: NameFilter) -> Iterator[ListedFile]:
    real_root = os.path.realpath(root.path) if root.is_local else ""
    for name in sorted(set(files), key=os.fsencode):
        if not names.select([os.fsencode(name.rsplit("/", 1)[-1])])[0]:
            continue
        try:
            relative = "/".join(clean_parts(name))
        except PathNotAllowedError:
            yield ListedFile(os.fsencode(name), 0, 0, "link_outside")
            continue
        yield _named_file(root, os.fsencode(relative), real_root)


def _named_file(root: Location, path: bytes, real_root: str) -> ListedFile:
    if root.is_local:
        entry = _entry(path, os.path.join(os.fsencode(root.path), path), real_root)  # noqa: PTH118
        # A linked folder on the way would lead out although the file itself is no link.
        real = os.path.realpath(os.path.join(os.fsencode(root.path), path))  # noqa: PTH118
        outside = os.path.commonpath([real, os.fsencode(real_root)]) != os.fsencode(real_root)
        return ListedFile(path, entry.size, entry.modified, "link_outside" if outside else entry.problem)
    info = (root / path.decode()).info()
    if info.type != fs.FileType.File:
        return ListedFile(path, 0, 0, "not_found")
    return ListedFile(path, info.size or 0, (info.mtime_ns or 0) // 1000)
