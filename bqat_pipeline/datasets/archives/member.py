"""One file of an archive, whatever its format."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bqat_pipeline.datasets.confinement import MAX_NAME_BYTES, PathNotAllowedError, clean_parts
from bqat_pipeline.datasets.uploads import UploadError

# Folders within each other: more than any set of pictures has, and fewer than deleting them could follow.
MAX_DEPTH = 100
_SIDE_FILES = {"thumbs.db", "desktop.ini"}
_SHOWN = 120  # characters of a name in a message


class Readable(Protocol):
    """What a member's content is read from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes
    ----------
    parts : Components of its path; none leads out.
    open : Opens the content.
    guessed : Whether the encoding of its name had to be guessed.
    """

    parts: tuple[str, ...]
    open: Callable[[], AbstractContextManager[Readable]]
    guessed: bool = False

    @property
    def is_side_file(self) -> bool:
        """Whether it was left by a file manager, or is hidden."""
        hidden = any(part.startswith(".") for part in self.parts)
        return hidden or self.parts[0] == "__MACOSX" or self.parts[-1].lower() in _SIDE_FILES


def checked_parts(name: str) -> tuple[str, ...]:
    """Components of a member's name. Back slashes separate too: some Windows tools write them.

    Raises
    ------
    UploadError : when the name leads out, or no file system could take it.
    """
    try:
        parts = clean_parts(name.replace("\\", "/"))
    except PathNotAllowedError as error:
        raise UploadError(f"the archive holds a name that is not allowed: {shown(name)}") from error
    if not parts:
        raise UploadError(f"the archive holds a name that is not allowed: {shown(name)}")
    if any(len(part.encode("utf-8", "replace")) > MAX_NAME_BYTES for part in parts):
        raise UploadError(f"the archive holds a name of more than {MAX_NAME_BYTES} bytes: {shown(name)}")
    if len(parts) > MAX_DEPTH:
        raise UploadError(f"the archive holds more than {MAX_DEPTH} folders within each other: {shown(name)}")
    return tuple(parts)


def shown(name: str) -> str:
    """A name as messages show it: unprintable characters escaped, a long one without its middle."""
    text = repr(name).replace("\\\\", "\\")  # a backslash is how Windows separates folders
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 3 :]}"
