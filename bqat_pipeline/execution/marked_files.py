"""JPEG and PNG files that carry a mark: what they were made from, so that a later call knows what is still current.

The mark is a comment (JPEG: segment COM, ISO/IEC 10918-1 B.2.4.5; PNG: chunk tEXt, ISO/IEC 15948 11.3.4.3) before the
pixels. It changes no pixel, and travels with the file.
"""

import os
import struct
import zlib
from pathlib import Path

_PREFIX = b"bqat-pipeline "
_LENGTH = 64  # hexadecimal digits
_PNG = b"\x89PNG\r\n\x1a\n"
_AFTER_IHDR = 33  # signature, and the first chunk with its 13 bytes
_KEY = b"Comment\0"


def marked(content: bytes, mark: str) -> bytes:
    """A JPEG or PNG with a mark.

    Parameters
    ----------
    mark : 64 hexadecimal digits.

    Raises
    ------
    ValueError : when the content is neither, or the mark of another length.
    """
    text = _PREFIX + mark.encode("ascii")
    if len(mark) != _LENGTH:
        raise ValueError("a mark has 64 hexadecimal digits")
    if content.startswith(b"\xff\xd8\xff"):
        place = _after_first_application_segment(content)
        return content[:place] + b"\xff\xfe" + struct.pack(">H", 2 + len(text)) + text + content[place:]
    if content.startswith(_PNG) and len(content) > _AFTER_IHDR:
        data = b"tEXt" + _KEY + text
        chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
        return content[:_AFTER_IHDR] + chunk + content[_AFTER_IHDR:]
    raise ValueError("only JPEG and PNG carry a mark")


def mark_of(path: Path) -> str | None:
    """The mark of a regular file; None when it carries none, is a link or no file.

    Raises
    ------
    OSError : when there is something that cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        head = stream.read(_AFTER_IHDR)
        if head.startswith(_PNG):
            stream.seek(_AFTER_IHDR + 8)
            found = stream.read(len(_KEY) + len(_PREFIX) + _LENGTH).removeprefix(_KEY)
        elif head.startswith(b"\xff\xd8\xff"):
            stream.seek(_after_first_application_segment(head) + 4)
            found = stream.read(len(_PREFIX) + _LENGTH)
        else:
            return None
    return found.removeprefix(_PREFIX).decode("ascii", "replace") if found.startswith(_PREFIX) else None


def _after_first_application_segment(content: bytes) -> int:
    """JFIF and Exif both ask to be the first segment of a file."""
    if len(content) >= 6 and 0xE0 <= content[3] <= 0xEF:
        return 4 + int(struct.unpack(">H", content[4:6])[0])
    return 2
