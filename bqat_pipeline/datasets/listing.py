"""The files of a source, in the order of their paths.

Rules
-----
* Recursive. Names that begin with a dot, and folders named ``__MACOSX``, are passed over: they are side files.
* A folder that cannot be listed is counted and named, and files that an earlier listing found below it stay, with a
  reason; a source that cannot be listed is an error.
* A file belongs to the listing when its extension (any case) and its base name match. From there on it is a row,
  whatever it turns out to be. Files that were uploaded for one scan belong to it whatever they are called.
* A link to a file is read when its target lies inside the scanned folder; any other link becomes a row with a reason.
  Links to folders are not followed: inside, their files are listed in their real place; outside, they are not ours.
* Pipes, sockets and devices become rows with a reason and are never opened.
* Order: bytes of the relative path, so that it is the same on every machine and on S3.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from bqat_pipeline.datasets.confinement import PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.folders import Entry, FileStat, Folder, local_entries, remote_entries, stat_file
from bqat_pipeline.datasets.passed_over import PassedOverTally
from bqat_pipeline.datasets.records import ScanOptions, Source

# Extensions that the decoders (OpenCV, Pillow) know, without dot.
EXTENSIONS = frozenset(
    "jpg jpeg jpe jfif pjpeg mpo png bmp dib jp2 j2k jpc j2c jpx jpf webp tif tiff gif pgm ppm pnm pbm heic heif "  # noqa: SIM905
    "avif".split()
)

# Reasons for which a listed file is not opened; they become `reason_code` of its row.
PROBLEMS: dict[str, str] = {
    "link_outside": "the link leads out of the scanned folder",
    "broken_link": "the link leads nowhere or in a circle",
    "not_a_file": "not a regular file but a pipe, socket or device",
    "no_permission": "the file's properties may not be read",
    "stat_failed": "the file's properties cannot be read (input or output error)",
    "folder_unreadable": "the file's folder could not be read this time; an earlier scan found the file there",
    "not_found": "there is no such file",
}


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that will be a row.

    Attributes
    ----------
    path : Path relative to the source, as the file system spells it (bytes: names need not be UTF-8).
    stat : What the file system says of it, with one of ``PROBLEMS`` when it must not be opened.
    """

    path: bytes
    stat: FileStat

    @property
    def problem(self) -> str:
        return self.stat.problem

    @property
    def name(self) -> str:
        """The relative path as text; bytes that are not UTF-8 appear as ``\\xNN``."""
        return self.path.decode("utf-8", "backslashreplace")


class SourceUnreadableError(OSError):
    """A source as a whole cannot be listed; the message is a sentence that names it."""


# Files that an earlier listing found below a folder (relative path with a slash at its end), in order.
Earlier = Callable[[bytes], Iterator[ListedFile]]


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

    @property
    def takes_all(self) -> bool:
        """Whether every picture belongs to the listing, so that one left out is left out by mistake."""
        return self._extensions is EXTENSIONS and not self._pattern

    @classmethod
    def of_source(cls, source: Source, names: "NameFilter") -> "NameFilter":
        """The filter for a source: every file that somebody uploaded for one scan is meant, whatever it is called."""
        return _EVERY_FILE if source.temporary else names

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


class _EveryFile(NameFilter):
    def select(self, names: list[bytes]) -> list[bool]:
        return [True] * len(names)


_EVERY_FILE = _EveryFile()


def list_source(
    source: Source, names: NameFilter, tally: PassedOverTally | None = None, earlier: Earlier | None = None
) -> Iterator[ListedFile]:
    """The files of a source that match, sorted by the bytes of their paths. Holds one folder's names at a time.

    Parameters
    ----------
    tally : Counts what is passed over; None: nobody asks.
    earlier : Files that stay below a folder that cannot be listed.

    Raises
    ------
    FileNotFoundError : when the source itself does not exist.
    SourceUnreadableError : when it cannot be listed, or went away meanwhile.
    """
    names = NameFilter.of_source(source, names)
    root = Location.parse(source.uri)
    device = _device(root, source)
    if source.files is not None:
        yield from _named(root, source.files, names)
    else:
        look = tally is not None and names.takes_all
        folder = Folder(source.prefix, names.select, tally or PassedOverTally(), look)
        yield from _walk(source, root, folder, earlier or _none)
    if _device(root, source) != device:
        raise SourceUnreadableError(f"{source.uri} went away while it was listed; is it mounted?")


def _walk(source: Source, root: Location, folder: Folder, earlier: Earlier) -> Iterator[ListedFile]:
    def read(prefix: bytes) -> Iterator[Entry]:
        return local_entries(root.local, prefix, folder) if root.is_local else remote_entries(root, prefix, folder)

    stack = [(b"", read(b""))]
    while stack:
        prefix, entries = stack[-1]
        try:
            entry = next(entries, None)
        except (FileNotFoundError, NotADirectoryError):  # gone since its parent was listed
            entry = None
        except OSError as error:
            if not prefix:
                raise _unreadable(source, error) from error
            entry = None
            folder.tally.unreadable_folder(folder.label(prefix).strip("/"), _reason(error))
            for found in earlier(prefix):
                folder.tally.kept_file()
                yield ListedFile(found.path, replace(found.stat, problem="folder_unreadable"))
        if entry is None:
            stack.pop()
        elif entry.is_folder:
            below = prefix + entry.name + b"/"
            stack.append((below, read(below)))
        else:
            yield ListedFile(prefix + entry.name, entry.stat)


def _device(root: Location, source: Source) -> int:
    """File system that a source lies on, 0 on S3; makes sure that it is a folder that can be looked at."""
    try:
        if root.is_dir():
            return os.stat(root.path).st_dev if root.is_local else 0  # noqa: PTH116 - once a source
    except FileNotFoundError:
        pass
    except UnicodeEncodeError as error:  # a file inside may be called anything, a source is written down as text
        name = os.fsencode(source.uri).decode("utf-8", "backslashreplace")
        raise SourceUnreadableError(f"the name of the folder {name} is not UTF-8; rename it") from error
    except OSError as error:
        raise _unreadable(source, error) from error
    if source.temporary:
        raise FileNotFoundError("the uploaded pictures were deleted after their scan; upload them again")
    raise FileNotFoundError(f"there is no folder {source.uri}; is it mounted?")


def _unreadable(source: Source, error: OSError) -> SourceUnreadableError:
    return SourceUnreadableError(f"{source.uri} cannot be read: {_reason(error)}")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)[:300]


def _none(prefix: bytes) -> Iterator[ListedFile]:
    return iter(())


def has_images(source: Source, options: ScanOptions) -> bool:
    """Whether a source holds at least one file that a scan would list.

    Raises
    ------
    FileNotFoundError : when the source itself does not exist.
    SourceUnreadableError : when it cannot be listed, or when none was found and there may be some all the same: folders
        could not be read, there are archives, or files that begin like a picture have other extensions.
    ValueError : when the pattern is not a regular expression.
    """
    tally = PassedOverTally()
    found = count_files(source, NameFilter.of(options), limit=1, tally=tally) > 0
    if not found and (instead := tally.result().instead_of_pictures()):
        raise SourceUnreadableError(f"there are no pictures in {source.prefix}: {'; '.join(instead)}")
    return found


def count_files(
    source: Source, names: NameFilter, limit: int | None = None, tally: PassedOverTally | None = None
) -> int:
    """Number of files of a source that match, counting no further than a limit."""
    count = 0
    for _ in list_source(source, names, tally):
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
            yield ListedFile(os.fsencode(name), FileStat(problem="link_outside"))
            continue
        yield _named_file(root, os.fsencode(relative))


def _named_file(root: Location, path: bytes) -> ListedFile:
    if root.is_local:
        return ListedFile(path, stat_file(root.local, path, resolve=True))
    info = (root / path.decode()).info()
    if info.type != fs.FileType.File:
        return ListedFile(path, FileStat(problem="not_found"))
    return ListedFile(path, FileStat(info.size or 0, (info.mtime_ns or 0) // 1000))
