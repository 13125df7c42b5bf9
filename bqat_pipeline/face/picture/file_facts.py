"""Origin of a file by its own EXIF and XMP: when it was taken, with which camera, which program wrote it.

Only four facts are read, of bounded length, from a bounded number of entries; no pointer is followed but that to the
EXIF directory (TIFF 6.0, EXIF 2.32). A missing, damaged or impossible value is None; the picture is read all the same.
"""

import html
import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

# Tags of the first directory, and of the EXIF directory.
_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _EXIF = 0x010F, 0x0110, 0x0112, 0x0131, 0x8769
_ORIGINAL, _DIGITISED, _ORIGINAL_OFFSET, _DIGITISED_OFFSET = 0x9003, 0x9004, 0x9011, 0x9012
_TEXTS = {_MAKE, _MODEL, _SOFTWARE, _ORIGINAL, _DIGITISED, _ORIGINAL_OFFSET, _DIGITISED_OFFSET}
_NUMBERS = {_ORIENTATION, _EXIF}
_ASCII, _SHORT, _LONG, _POINTER, _UTF8 = 2, 3, 4, 13, 129
# Limits: entries read of a directory, bytes of a text, bytes of an XMP packet, characters that are kept.
_MOST_ENTRIES, _MOST_BYTES, _MOST_XMP, _MOST_CHARACTERS = 1000, 256, 1 << 18, 64
_YEARS = (1900, 2099)  # cameras whose clock was never set write 0000 or other impossible years
_MOMENT = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_PROPERTY = re.compile(
    rb"(exif:DateTimeOriginal|photoshop:DateCreated|tiff:Make|tiff:Model|xmp:CreatorTool)"
    rb"(?:=\"([^\"]{1,256})\"|='([^']{1,256})'|>([^<]{1,256})<)"
)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Origin of a file by its own metadata; None where it has none.

    Attributes
    ----------
    captured_at : ``YYYY-MM-DDTHH:MM:SS`` by the camera's clock, with its offset (``+01:00``) where it is recorded.
    camera : Make and model.
    software : Program that wrote the file last.
    orientation : EXIF orientation 1..8 as stored.
    """

    captured_at: str | None = None
    camera: str | None = None
    software: str | None = None
    orientation: int | None = None


NO_FACTS = FileFacts()


def file_facts(exif: bytes | None, xmp: bytes | None = None, software: object = None) -> FileFacts:
    """Facts from a block of EXIF (or a whole TIFF file), else from an XMP packet; never raises.

    Parameters
    ----------
    software : Program named by the format itself (PNG).
    """
    found = _entries(exif) if exif else {}
    more = _properties(xmp) if xmp else {}
    orientation = found.get(_ORIENTATION)
    return FileFacts(
        captured_at=_moment(found.get(_ORIGINAL), found.get(_ORIGINAL_OFFSET))
        or _moment(found.get(_DIGITISED), found.get(_DIGITISED_OFFSET))
        or _moment(more.get("exif:DateTimeOriginal"))
        or _moment(more.get("photoshop:DateCreated")),
        camera=_camera(found.get(_MAKE), found.get(_MODEL)) or _camera(more.get("tiff:Make"), more.get("tiff:Model")),
        software=_text(found.get(_SOFTWARE)) or _text(more.get("xmp:CreatorTool")) or _text(software),
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else None,
    )


# EXIF


def _entries(block: bytes) -> Mapping[int, object]:
    start = 6 if block.startswith(b"Exif\0\0") else 0
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[start : start + 4])
    found: dict[int, object] = {}
    if order is None:
        return found
    view = memoryview(block)[start:]
    try:
        _read_directory(view, order, struct.unpack_from(f"{order}I", view, 4)[0], found)
        pointer = found.get(_EXIF)
        if isinstance(pointer, int):
            _read_directory(view, order, pointer, found)
    except struct.error:  # the block is cut short: keep the entries before
        pass
    return found


def _read_directory(view: memoryview, order: str, place: int, found: dict[int, object]) -> None:
    """Add the known entries of a directory to ``found``; of a repeated tag the first counts."""
    (count,) = struct.unpack_from(f"{order}H", view, place)
    for number in range(min(count, _MOST_ENTRIES)):
        at = place + 2 + 12 * number
        tag, kind, length = struct.unpack_from(f"{order}HHI", view, at)
        if tag in _TEXTS and kind in (_ASCII, _UTF8):
            where = at + 8 if length <= 4 else struct.unpack_from(f"{order}I", view, at + 8)[0]
            found.setdefault(tag, bytes(view[where : where + min(length, _MOST_BYTES)]))
        elif tag in _NUMBERS and kind in (_SHORT, _LONG, _POINTER) and length == 1:
            found.setdefault(tag, struct.unpack_from(order + ("H" if kind == _SHORT else "I"), view, at + 8)[0])


# XMP


def _properties(packet: bytes) -> Mapping[str, object]:
    """Known properties of a packet, from attributes or elements. Not parsed as XML, so that no entity is expanded."""
    found: dict[str, object] = {}
    for match in _PROPERTY.finditer(packet[:_MOST_XMP]):
        value = match[2] or match[3] or match[4]
        found.setdefault(match[1].decode("ascii"), html.unescape(value.decode("utf-8", "replace")))
    return found


# values


def _text(value: object) -> str | None:
    """One line of at most 64 visible characters; None when there are none."""
    if isinstance(value, bytes):
        start = value.split(b"\0", 1)[0]
        try:
            value = start.decode("utf-8")
        except UnicodeDecodeError:
            value = start.decode("latin-1")
    if not isinstance(value, str):
        return None
    # Categories C and Z: control and bidirectional characters, unassigned ones, lone surrogates, all kinds of space.
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in value[:_MOST_BYTES])
    return " ".join(visible.replace("\ufffd", " ").split())[:_MOST_CHARACTERS].strip() or None


def _camera(make: object, model: object) -> str | None:
    """Make and model; the model alone when it begins with the make."""
    first, second = _text(make), _text(model)
    if not first or not second:
        return second or first
    if second.split()[0].casefold() == first.split()[0].casefold():
        return second
    return f"{first} {second}"[:_MOST_CHARACTERS].strip()


def _moment(value: object, offset: object = None) -> str | None:
    """A date and time in ISO 8601; None when it does not exist."""
    text = _text(value)
    match = _MOMENT.fullmatch(text) if text and text.isascii() else None
    if not match:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()[:6]))  # type: ignore[arg-type]
    except ValueError:
        return None
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        return None
    zone = "+00:00" if match[7] == "Z" else match[7] or _text(offset) or ""
    return moment.isoformat() + (zone if _OFFSET.fullmatch(zone) else "")
